// What a slot is written through. The seam for the power-cut test: SimDisk forgets unflushed writes, FileDevice is the real one.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::storage {

class BlockDevice {
 public:
  virtual ~BlockDevice() = default;
  virtual std::uint64_t size_bytes() const = 0;
  // Exactly the buffer, or an error. Reads come from the device, not from a cache that a write may still sit in, once flush() returned.
  virtual Result<> read(std::uint64_t offset, MutableByteView buffer) = 0;
  // May be torn at sector boundaries and reordered against other writes until flush() returns.
  virtual Result<> write(std::uint64_t offset, ByteView bytes) = 0;
  // The same for a range of zeros, without carrying them where the device can do so.
  virtual Result<> write_zeros(std::uint64_t offset, std::uint64_t size);
  // Data and the device's own cache: what was written before survives a power cut.
  virtual Result<> flush() = 0;
};

}  // namespace aloft::storage
