// A small region of durable storage that the boot loader reads too: a file, or a part of a device. It is written in place by sectors;
// the seam for the power-cut test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aloft::boot {

inline constexpr std::size_t kSectorBytes = 512;

// One thread at a time. Errors: those of base/file.hpp, and kBootStateWrite for a write that is no whole number of sectors.
class Region {
 public:
  virtual ~Region() = default;
  // All of it as the device has it; shorter where the file or device ends earlier. A sector that cannot be read is zeros: as good as
  // damaged, so that other copies count, or a new state is written in its place.
  virtual Result<std::string> read() = 0;
  // Whole sectors in place (the last may end with the region), `offset` counted from the region's start; never truncates, renames or
  // grows. Durable once returned. A power cut before leaves each of the sectors old or new: what must change as one must lie in one
  // sector, or in a copy that is not in use.
  virtual Result<> write(std::uint64_t offset, std::string_view sectors) = 0;
  // For a file that is missing or has another size: a whole new one. Not safe against a power cut; only for a state that is lost anyway.
  // On a device it writes in place. kNotFound for a missing file in the file system of / or /dev: that of the boot loader is not mounted.
  virtual Result<> create(std::string_view content) = 0;
  // Whether write() would be allowed, found out without writing.
  virtual Result<> check_writable() = 0;
  // One byte to zero without touching any other: what NOR flash can do without an erase. Durable once returned. Errors: kBootStateWrite
  // where the storage cannot.
  virtual Result<> clear_byte(std::uint64_t offset);
};

// So many bytes at an offset of a device or file; or a whole file, as long as it is at that time.
class FileRegion final : public Region {
 public:
  FileRegion(std::filesystem::path path, std::uint64_t offset_bytes, std::size_t size_bytes)
      : path_(std::move(path)), offset_bytes_(offset_bytes), size_bytes_(size_bytes) {}
  // What lies behind most_bytes is not looked at.
  static std::unique_ptr<FileRegion> whole_file(std::filesystem::path path, std::size_t most_bytes);
  Result<std::string> read() override;
  Result<> write(std::uint64_t offset, std::string_view sectors) override;
  Result<> create(std::string_view content) override;
  Result<> check_writable() override;

 private:
  std::filesystem::path path_;
  std::uint64_t offset_bytes_;
  std::size_t size_bytes_;  // of a whole file: at most
  bool is_whole_file_ = false;
};

}  // namespace aloft::boot
