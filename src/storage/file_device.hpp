// A block device, or a regular file that stands for one.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "base/file.hpp"
#include "storage/block_device.hpp"

namespace aloft::storage {

// shared: for a disk of which others use other parts.
enum class Claim : std::uint8_t { exclusive, shared };

// Writes go through the page cache, so that the kernel gathers and queues them while the next frames are decoded. flush() makes them
// durable and drops the cache, and reads go past it (O_DIRECT) where the system lets them: what is read back is the device's. Safe to use
// from several threads at once.
class FileDevice final : public BlockDevice {
 public:
  // For writing. A block device that is mounted or otherwise in use is refused by the kernel (O_EXCL): kDeviceBusy. kNotADevice where
  // path is something else.
  static Result<std::unique_ptr<FileDevice>> open(const std::filesystem::path& path, Claim claim = Claim::exclusive);

  std::uint64_t size_bytes() const override { return size_bytes_; }
  // Past the cache with offset, size and the buffer's address multiples of kAlignment; anything else is allowed.
  Result<> read(std::uint64_t offset, MutableByteView buffer) override;
  Result<> write(std::uint64_t offset, ByteView bytes) override;
  Result<> write_zeros(std::uint64_t offset, std::uint64_t size) override;
  Result<> flush() override;

 private:
  FileDevice(std::filesystem::path path, Fd cached, Fd direct, std::uint64_t size_bytes)
      : path_(std::move(path)), cached_(std::move(cached)), direct_(std::move(direct)), size_bytes_(size_bytes) {}
  bool fits_direct(std::uint64_t offset, ByteView buffer) const;
  Result<> check(std::uint64_t offset, std::uint64_t size) const;
  std::filesystem::path path_;
  Fd cached_;
  Fd direct_;  // none where O_DIRECT is not supported
  std::uint64_t size_bytes_;
};

}  // namespace aloft::storage
