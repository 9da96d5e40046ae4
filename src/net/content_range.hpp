// The Content-Range header (RFC 9110 section 14.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aloft::net {

struct ContentRange {
  std::uint64_t first;                      // offset of the first byte
  std::uint64_t last;                       // of the last, not before the first
  std::optional<std::uint64_t> size_bytes;  // of the whole; more than last; absent for "*"
};

// "bytes 100-199/1000" or "bytes 100-199/*". Nothing for anything else, numbers beyond 2^63-1 included.
std::optional<ContentRange> parse_content_range(std::string_view text);

}  // namespace aloft::net
