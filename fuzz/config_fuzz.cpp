#include <cstdlib>

#include "agent/config.hpp"

extern "C" int config_fuzz(const std::uint8_t* data, std::size_t size) {
  const auto config = aloft::agent::parse_config({reinterpret_cast<const char*>(data), size}, "system.toml");
  if (!config) return 0;
  // What the rest of the agent relies on.
  if (config->groups.size() < 2 || config->product.empty() || config->boot.settings.all().empty()) std::abort();
  for (const auto& [name, group] : config->groups)
    if (group.empty() || group.size() != config->groups.begin()->second.size()) std::abort();
  return 0;
}
