#include "httpd/range.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "httpd/errors.hpp"

namespace aloft::httpd {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::unexpected<Error> nothing_there(std::uint64_t total_bytes) {
  return fail(kBadRange, "the range lies behind the end of the " + std::to_string(total_bytes) + " bytes");
}

}  // namespace

Result<std::optional<ByteRange>> parse_range(std::string_view header, std::uint64_t total_bytes) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit) || header.find(',') != std::string_view::npos) return std::nullopt;
  const std::string_view range = header.substr(kUnit.size());
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  if (dash == 0) {
    const auto suffix = number(range.substr(1));
    if (!suffix) return std::nullopt;
    if (*suffix == 0 || total_bytes == 0) return nothing_there(total_bytes);
    const std::uint64_t size = std::min(*suffix, total_bytes);
    return ByteRange{total_bytes - size, size};
  }
  const auto first = number(range.substr(0, dash));
  const std::string_view last_text = range.substr(dash + 1);
  const auto last = last_text.empty() ? std::optional(UINT64_MAX) : number(last_text);
  if (!first || !last || *last < *first) return std::nullopt;
  if (*first >= total_bytes) return nothing_there(total_bytes);
  return ByteRange{*first, std::min(*last, total_bytes - 1) - *first + 1};
}

}  // namespace aloft::httpd
