// HMAC with SHA-256 (RFC 2104), for what is checked with every request: the key's part is prepared once.
#pragma once

#include <string>
#include <string_view>

#include "crypto/sha256.hpp"

namespace aloft::crypto {

class HmacSha256 {
 public:
  explicit HmacSha256(ByteView key);
  Digest of(std::string_view text) const;

 private:
  std::string inner_pad_;
  std::string outer_pad_;
};

}  // namespace aloft::crypto
