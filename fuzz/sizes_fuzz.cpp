// Numbers, times and quotas as people write them on command lines.
#include <cstdlib>
#include <sstream>
#include <string_view>

#include "agent/client.hpp"
#include "agent/local_api.hpp"
#include "base/sizes.hpp"
#include "fleet/quota.hpp"

extern "C" int sizes_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto bytes = parse_size(text); bytes && parse_size(std::to_string(*bytes)).value() != *bytes) std::abort();
  if (const auto time = agent::parse_duration(text)) {
    if (*time < std::chrono::seconds(0) || *time > agent::kMaxDefer) std::abort();
    if (agent::parse_duration(std::to_string(time->count()) + "s").value() != *time) std::abort();
  }
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  const auto sizes = parse_sizes(words);
  if (!sizes) return 0;
  if (sizes->size() != words.size()) std::abort();
  const auto limits = fleet::changed_limits({}, *sizes);
  if (!limits) return 0;
  for (const auto& [name, value] : sizes->items())
    if (limits->of(fleet::quota_of(name).value()).has_value() == value.is_null()) std::abort();
  if (fleet::changed_limits({}, fleet::to_json(*limits)).value() != *limits) std::abort();
  return 0;
}
