// Memory that direct I/O can use.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "base/bytes.hpp"

namespace aloft::storage {

inline constexpr std::size_t kAlignment = 4096;

class AlignedBuffer {
 public:
  // Rounded up to a multiple of kAlignment.
  explicit AlignedBuffer(std::size_t size) : bytes_(allocate((size + kAlignment - 1) / kAlignment * kAlignment)) {}
  MutableByteView first(std::size_t size) { return {bytes_.get(), size}; }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { ::operator delete(bytes, std::align_val_t{kAlignment}); }
  };
  static std::byte* allocate(std::size_t size) { return static_cast<std::byte*>(::operator new(size, std::align_val_t{kAlignment})); }
  std::unique_ptr<std::byte, Free> bytes_;
};

}  // namespace aloft::storage
