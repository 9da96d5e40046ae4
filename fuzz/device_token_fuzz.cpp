// A device's bearer token: only what this server has sealed, word for word, and until it expires. The corpus has one that it did seal.
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/device_tokens.hpp"

extern "C" int device_token_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const ByteView secret = as_bytes("a secret that no input knows");
  static const server::DeviceTokens tokens(Bytes(secret.begin(), secret.end()));
  static const crypto::Digest key = crypto::sha256(as_bytes("a key"));
  constexpr WallTime kNow{std::chrono::seconds(1'700'000'000)};
  static const std::string sealed = tokens.issue("cam-01", key, kNow);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto claim = tokens.check(text, kNow);
  if (claim.has_value() != (text == sealed)) std::abort();
  if (claim && (claim->device != "cam-01" || !server::DeviceTokens::is_of(*claim, key))) std::abort();
  if (tokens.check(text, kNow + server::kDeviceTokenLife)) std::abort();
  // What a connection has proven once does not lend itself to another text.
  httpd::Proven proven;
  if (!tokens.check(sealed, kNow, &proven) || tokens.check(text, kNow, &proven).has_value() != (text == sealed)) std::abort();
  return 0;
}
