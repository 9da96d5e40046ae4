#include "base/bytes.hpp"

#include <array>

#include "base/errors.hpp"

namespace aloft {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode_base64(ByteView bytes, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < count + 1; ++k) out += alphabet[group >> (18 - 6 * k) & 63U];
    if (pad) out.append(3 - count, '=');
  }
  return out;
}

std::array<std::int8_t, 256> values_of(std::string_view alphabet) {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}

Result<Bytes> decode_base64(std::string_view text, std::string_view alphabet, bool padded) {
  const auto values = values_of(alphabet);
  if (padded) {
    if (text.size() % 4 != 0) return fail(kBadEncoding, "base64 text has a length that is not a multiple of 4");
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return fail(kBadEncoding, "base64 text ends inside a byte");
  Bytes out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const auto value = values[static_cast<unsigned char>(c)];
    if (value < 0) return fail(kBadEncoding, "base64 text holds a character outside its alphabet");
    group = group << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::byte>(group >> bits & 0xffU));
      group &= (1U << bits) - 1;
    }
  }
  if (group != 0) return fail(kBadEncoding, "base64 text has unused bits that are not zero");
  return out;
}

template <typename T>
T load_le(ByteView bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(std::to_integer<T>(bytes[i]) << (8 * i));
  return value;
}

template <typename T>
void store_le(MutableByteView bytes, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<std::byte>(value >> (8 * i) & 0xffU);
}

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    out += kHexDigits[std::to_integer<unsigned>(b) >> 4];
    out += kHexDigits[std::to_integer<unsigned>(b) & 15U];
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(kBadEncoding, "hexadecimal text has an odd number of digits");
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = kHexDigits.find(text[i]);
    const auto low = kHexDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos)
      return fail(kBadEncoding, "hexadecimal text holds something other than 0-9 and a-f");
    out.push_back(static_cast<std::byte>(high << 4 | low));
  }
  return out;
}

std::string to_base64(ByteView bytes) { return encode_base64(bytes, kBase64, true); }
std::string to_base64url(ByteView bytes) { return encode_base64(bytes, kBase64Url, false); }
Result<Bytes> from_base64(std::string_view text) { return decode_base64(text, kBase64, true); }
Result<Bytes> from_base64url(std::string_view text) { return decode_base64(text, kBase64Url, false); }

std::uint32_t load_le32(ByteView bytes) { return load_le<std::uint32_t>(bytes); }
std::uint64_t load_le64(ByteView bytes) { return load_le<std::uint64_t>(bytes); }
void store_le32(MutableByteView bytes, std::uint32_t value) { store_le(bytes, value); }
void store_le64(MutableByteView bytes, std::uint64_t value) { store_le(bytes, value); }

}  // namespace aloft
