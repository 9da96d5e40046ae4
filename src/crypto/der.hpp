// The little of ASN.1 DER (X.690) that making and merging signatures needs.
#pragma once

#include <initializer_list>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::crypto::der {

inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kSequence = 0x30;
inline constexpr std::uint8_t kSet = 0x31;
inline constexpr std::uint8_t kContext0 = 0xa0;
inline constexpr std::uint8_t kContext1 = 0xa1;

// One element: tag, length, content.
Bytes element(std::uint8_t tag, ByteView content);
Bytes element(std::uint8_t tag, std::initializer_list<Bytes> parts);
// The members in DER's order (by their bytes), each once.
Bytes set_of(std::uint8_t tag, std::vector<Bytes> members);

struct Element {
  std::uint8_t tag;
  ByteView content;
  ByteView whole;
};
// The elements that fill the bytes; views into them. Definite lengths and one-byte tags only. Errors: kCmsMalformed.
Result<std::vector<Element>> elements(ByteView bytes);

}  // namespace aloft::crypto::der
