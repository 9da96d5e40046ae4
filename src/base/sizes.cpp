#include "base/sizes.hpp"

#include <charconv>

#include "base/errors.hpp"

namespace aloft {

Result<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::string_view kUnits = "KMGT";
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, number);
  const std::size_t unit = stopped != end ? kUnits.find(*stopped) : 0;
  const bool whole = stopped == end || (stopped + 1 == end && unit != std::string_view::npos);
  if (problem != std::errc{} || !whole)
    return fail(kBadArgument, "\"" + std::string(text) + "\" is no number; write one as 500, 64K, 20M, 5G or 2T");
  const unsigned shift = stopped == end ? 0 : 10 * (static_cast<unsigned>(unit) + 1);
  if (shift != 0 && number > (UINT64_MAX >> shift)) return fail(kBadArgument, "\"" + std::string(text) + "\" is too large");
  return number << shift;
}

Result<Json> parse_sizes(const std::vector<std::string>& words) {
  Json sizes = Json::object();
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(kBadArgument, "\"" + word + "\" must be NAME=NUMBER or NAME=none, as devices=500");
    const std::string name = word.substr(0, equals);
    if (sizes.contains(name)) return fail(kBadArgument, name + " is given twice");
    const std::string_view value = std::string_view(word).substr(equals + 1);
    sizes[name] = value == "none" ? Json(nullptr) : Json(TRY(parse_size(value)));
  }
  return sizes;
}

}  // namespace aloft
