#include "crypto/hmac.hpp"

#include <algorithm>

namespace aloft::crypto {
namespace {

constexpr std::size_t kHmacBlockBytes = 64;

std::string pad(std::string block, char with) {
  for (char& byte : block) byte = static_cast<char>(byte ^ with);
  return block;
}

}  // namespace

HmacSha256::HmacSha256(ByteView key) {
  const Digest digest = sha256(key);
  std::string block(as_text(key.size() > kHmacBlockBytes ? ByteView(digest) : key));
  block.resize(kHmacBlockBytes, '\0');
  inner_pad_ = pad(block, 0x36);
  outer_pad_ = pad(block, 0x5c);
}

Digest HmacSha256::of(std::string_view text) const {
  thread_local std::string room;
  room.assign(inner_pad_).append(text);
  const Digest inner = sha256(as_bytes(room));
  room.assign(outer_pad_).append(as_text(inner));
  return sha256(as_bytes(room));
}

}  // namespace aloft::crypto
