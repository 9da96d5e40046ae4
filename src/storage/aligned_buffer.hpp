// Memory that direct I/O can use.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include "base/bytes.hpp"

namespace aloft::storage {

inline constexpr std::size_t kAlignment = 4096;

class AlignedBuffer {
 public:
  // Rounded up to a multiple of kAlignment; aborts the program when there is no memory.
  explicit AlignedBuffer(std::size_t size)
      : size_((size + kAlignment - 1) / kAlignment * kAlignment), bytes_(static_cast<std::byte*>(std::aligned_alloc(kAlignment, size_))) {
    if (!bytes_) throw std::bad_alloc();
  }
  MutableByteView first(std::size_t size) { return {bytes_.get(), size}; }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  std::size_t size_;
  std::unique_ptr<std::byte, Free> bytes_;
};

}  // namespace aloft::storage
