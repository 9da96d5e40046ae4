// A part of a device, as a device of its own.
#pragma once

#include <memory>

#include "storage/block_device.hpp"

namespace aloft::storage {

// Does not own the whole, which must outlive it. Accesses beyond the part are kOutsideDevice.
class RangeDevice final : public BlockDevice {
 public:
  // The part must lie within the whole.
  RangeDevice(BlockDevice& whole, std::uint64_t offset_bytes, std::uint64_t size_bytes)
      : whole_(whole), offset_bytes_(offset_bytes), size_bytes_(size_bytes) {}
  std::uint64_t size_bytes() const override { return size_bytes_; }
  Result<> read(std::uint64_t offset, MutableByteView buffer) override;
  Result<> write(std::uint64_t offset, ByteView bytes) override;
  Result<> write_zeros(std::uint64_t offset, std::uint64_t size) override;
  Result<> flush() override { return whole_.flush(); }

 private:
  Result<> check(std::uint64_t offset, std::uint64_t size) const;
  BlockDevice& whole_;
  const std::uint64_t offset_bytes_;
  const std::uint64_t size_bytes_;
};

}  // namespace aloft::storage
