#include "net/tls_trust.hpp"

#include <algorithm>

#include "base/errors.hpp"
#include "net/errors.hpp"
#include "net/transfer.hpp"

namespace aloft::net {

Result<crypto::Digest> shown_certificate(const std::string& url) {
  // No certificate has the digest zero, so the handshake shows what the server has and goes no further.
  auto transfer = TRY(Transfer::create({.trust = PinnedCertificate{}}));
  TRY(transfer->prepare({.url = url,
                         .protocols = "https",
                         .connect_timeout = std::chrono::seconds(15),
                         .total_timeout = std::chrono::seconds(30),
                         .on_body = [](ByteView) { return Transfer::Verdict::stop; }}));
  auto done = transfer->drive([] { return false; });
  if (!transfer->refused_certificate().empty()) return parse_fingerprint(transfer->refused_certificate());
  if (!done) return fail(std::move(done).error());
  return fail(kTlsFailed, without_secrets(url) + " showed no certificate");
}

Result<crypto::Digest> parse_fingerprint(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != ':') digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto bytes = from_hex(digits);
  crypto::Digest digest;
  if (!bytes || bytes->size() != digest.size())
    return fail(kBadEncoding, "\"" + std::string(text) + "\" is not a SHA-256 fingerprint (64 hexadecimal digits)");
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

}  // namespace aloft::net
