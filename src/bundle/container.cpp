#include "bundle/container.hpp"

#include <algorithm>

#include "bundle/errors.hpp"
#include "crypto/sha256.hpp"

namespace aloft::bundle {
namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumAt = 32;
using Header = std::array<std::byte, kHeaderBytes>;

Digest checksum(const Header& header, ByteView manifest, ByteView signature) {
  crypto::Sha256 hash;
  hash.update(std::span(header).first(kChecksumAt));
  hash.update(manifest);
  hash.update(signature);
  return hash.finish();
}

std::unexpected<Error> truncated(std::string_view where) {
  return fail(kTruncated, "the bundle ends inside its " + std::string(where) + "; fetch it again");
}

Result<Bytes> read_part(ByteSource& source, std::uint64_t offset, std::uint64_t size, std::string_view what) {
  constexpr std::uint64_t kStep = 256 << 10;
  Bytes part;
  while (part.size() < size) {
    const std::size_t start = part.size();
    const auto step = static_cast<std::size_t>(std::min(kStep, size - start));
    part.resize(start + step);
    if (TRY(source.read_at(offset + start, std::span(part).subspan(start))) < step) return truncated(what);
  }
  return part;
}

}  // namespace

Bytes encode_preamble(std::string_view manifest_text, ByteView signature) {
  Header header{};
  std::ranges::copy(as_bytes(kMagic), header.begin());
  store_le32(std::span(header).subspan(8), kVersion);
  store_le64(std::span(header).subspan(16), manifest_text.size());
  store_le64(std::span(header).subspan(24), signature.size());
  std::ranges::copy(checksum(header, as_bytes(manifest_text), signature), header.begin() + kChecksumAt);
  Bytes out(header.begin(), header.end());
  out.insert(out.end(), as_bytes(manifest_text).begin(), as_bytes(manifest_text).end());
  out.insert(out.end(), signature.begin(), signature.end());
  return out;
}

Result<Preamble> read_preamble(ByteSource& source) {
  Header header;
  source.expect(kHeaderBytes);
  const auto count = TRY(source.read_at(0, header));
  if (!std::ranges::equal(std::span(header).first(std::min(count, kMagic.size())), as_bytes(kMagic).first(std::min(count, kMagic.size()))))
    return fail(kNotABundle, "not an Aloft bundle: it does not begin as one");
  if (count < kHeaderBytes) return truncated("header");
  const auto version = load_le32(std::span(header).subspan(8));
  if (version != kVersion)
    return fail(kContainerVersion,
                "the bundle's container has version " + std::to_string(version) + "; this Aloft reads version 1: update it first");
  const auto flags = load_le32(std::span(header).subspan(12));
  const auto manifest_bytes = load_le64(std::span(header).subspan(16));
  const auto signature_bytes = load_le64(std::span(header).subspan(24));
  if (flags != 0) return fail(kBadHeader, "the bundle's header has flags that this Aloft does not know; update it first");
  if (manifest_bytes == 0 || manifest_bytes > kMaxManifestBytes || signature_bytes > kMaxSignatureBytes)
    return fail(kBadHeader, "the bundle's header names a manifest of " + std::to_string(manifest_bytes) + " and a signature of " +
                                std::to_string(signature_bytes) + " bytes; 1 to 64 MiB and at most 64 KiB are allowed");
  source.expect(kHeaderBytes + manifest_bytes + signature_bytes);
  const Bytes manifest = TRY(read_part(source, kHeaderBytes, manifest_bytes, "manifest"));
  Bytes signature = TRY(read_part(source, kHeaderBytes + manifest_bytes, signature_bytes, "signature"));
  source.expect(kNoEnd);
  if (!std::ranges::equal(checksum(header, manifest, signature), std::span(header).subspan(kChecksumAt)))
    return fail(kHeaderChecksum, "the bundle's header, manifest or signature is damaged; fetch it again");
  return Preamble{std::string(as_text(manifest)), std::move(signature)};
}

}  // namespace aloft::bundle
