// SHA-256 (FIPS 180-4), the only digest in our formats.
#pragma once

#include <array>
#include <memory>

#include "base/bytes.hpp"

namespace aloft::crypto {

using Digest = std::array<std::byte, 32>;

// Streaming. One thread at a time. reset() starts over without a new allocation.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(ByteView bytes);
  Digest finish();  // and resets

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest sha256(ByteView bytes);

}  // namespace aloft::crypto
