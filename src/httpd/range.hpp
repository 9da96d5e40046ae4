// The Range header (RFC 9110, section 14): one range of bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace aloft::httpd {

struct ByteRange {
  std::uint64_t offset_bytes;
  std::uint64_t size_bytes;  // at least 1
};

// What of `total_bytes` the header asks for, cut to what there is. Nothing for headers that RFC 9110 lets a server ignore (other units,
// several ranges, not understood): the whole is sent then. Errors: kBadRange when nothing of the range exists.
Result<std::optional<ByteRange>> parse_range(std::string_view header, std::uint64_t total_bytes);

}  // namespace aloft::httpd
