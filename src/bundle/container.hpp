// The container's first bytes: header, manifest, signature. Text form: docs/bundle-format.md.
#pragma once

#include <array>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "bundle/manifest.hpp"
#include "bundle/reader.hpp"

namespace aloft::bundle {

inline constexpr std::size_t kHeaderBytes = 64;
inline constexpr std::string_view kMagic{"ALOFT\r\n\x1a", 8};

struct Preamble {
  std::string manifest_text;
  Bytes signature;  // empty: the bundle is unsigned
  std::uint64_t size_bytes() const { return kHeaderBytes + manifest_text.size() + signature.size(); }
};

// Header, manifest and signature as they stand in the file.
Bytes encode_preamble(std::string_view manifest_text, ByteView signature);
// Reads them from the source's beginning and checks magic, version, flags, limits and checksum; neither parses the manifest nor looks at
// the signature. Memory grows with what the source really holds, not with what the header claims. Errors: 3000-3004, the source's own.
Result<Preamble> read_preamble(ByteSource& source);

}  // namespace aloft::bundle
