#include "agent/metered_link.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "agent/words.hpp"

namespace aloft::agent {
namespace {

std::optional<std::uint32_t> number(std::string_view text, int base) {
  std::uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_zero(std::string_view digits) { return digits.find_first_not_of('0') == std::string_view::npos; }

struct Route {
  std::string_view interface;
  std::uint32_t metric;
};

// Interface, destination, gateway, flags, references, use, metric (decimal), mask, ...
std::optional<Route> default_route(const std::vector<std::string_view>& words) {
  if (words.size() < 8 || !is_zero(words[1]) || !is_zero(words[7])) return std::nullopt;
  const auto metric = number(words[6], 10);
  if (!metric) return std::nullopt;
  return Route{words[0], *metric};
}

// Destination, prefix length, source, its length, next hop, metric (hexadecimal), references, use, flags, interface
std::optional<Route> default_route6(const std::vector<std::string_view>& words) {
  if (words.size() != 10 || !is_zero(words[0]) || words[1] != "00" || words[9] == "lo") return std::nullopt;
  const auto metric = number(words[5], 16);
  if (!metric) return std::nullopt;
  return Route{words[9], *metric};
}

void add_best(std::string_view text, const auto& parse, std::vector<std::string>& interfaces) {
  std::optional<Route> best;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto route = parse(words_of(text.substr(0, end)));
    if (route && (!best || route->metric < best->metric)) best = route;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (best) interfaces.emplace_back(best->interface);
}

}  // namespace

std::vector<std::string> default_interfaces(std::string_view route, std::string_view ipv6_route) {
  std::vector<std::string> interfaces;
  add_best(route, default_route, interfaces);
  add_best(ipv6_route, default_route6, interfaces);
  return interfaces;
}

std::string metered_among(const std::vector<std::string>& interfaces, const std::vector<std::string>& patterns) {
  for (const std::string& interface : interfaces)
    for (const std::string& pattern : patterns)
      if (::fnmatch(pattern.c_str(), interface.c_str(), 0) == 0) return interface;
  return {};
}

}  // namespace aloft::agent
