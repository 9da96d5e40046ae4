// Bytes, and their text forms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aloft {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;
using MutableByteView = std::span<std::byte>;

inline ByteView as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Lower-case hexadecimal, two digits a byte.
std::string to_hex(ByteView bytes);
// Accepts lower-case digits only, an even number of them. Errors: kBadEncoding.
Result<Bytes> from_hex(std::string_view text);

// RFC 4648 base64 with padding; the url variant has '-' and '_' and no padding.
std::string to_base64(ByteView bytes);
std::string to_base64url(ByteView bytes);
// Strict: no white space, exact padding, unused bits zero, so that one value has one text. Errors: kBadEncoding.
Result<Bytes> from_base64(std::string_view text);
Result<Bytes> from_base64url(std::string_view text);

// Little-endian integers, as every binary structure of ours has them. The view must hold at least 4 (8) bytes.
std::uint32_t load_le32(ByteView bytes);
std::uint64_t load_le64(ByteView bytes);
void store_le32(MutableByteView bytes, std::uint32_t value);
void store_le64(MutableByteView bytes, std::uint64_t value);

}  // namespace aloft
