#include "storage/range_device.hpp"

#include "storage/errors.hpp"

namespace aloft::storage {

Result<> RangeDevice::check(std::uint64_t offset, std::uint64_t size) const {
  if (offset <= size_bytes_ && size <= size_bytes_ - offset) return {};
  return fail(kOutsideDevice, "an access of " + std::to_string(size) + " bytes at " + std::to_string(offset) +
                                  " is past the end of a part of " + std::to_string(size_bytes_) + " bytes");
}

Result<> RangeDevice::read(std::uint64_t offset, MutableByteView buffer) {
  TRY(check(offset, buffer.size()));
  return whole_.read(offset_bytes_ + offset, buffer);
}

Result<> RangeDevice::write(std::uint64_t offset, ByteView bytes) {
  TRY(check(offset, bytes.size()));
  return whole_.write(offset_bytes_ + offset, bytes);
}

Result<> RangeDevice::write_zeros(std::uint64_t offset, std::uint64_t size) {
  TRY(check(offset, size));
  return whole_.write_zeros(offset_bytes_ + offset, size);
}

}  // namespace aloft::storage
