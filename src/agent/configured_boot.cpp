#include "agent/configured_boot.hpp"

#include <algorithm>

#include "agent/errors.hpp"
#include "agent/system_facts.hpp"
#include "boot/loaders.hpp"

namespace aloft::agent {

std::vector<std::string> group_names(const Config& config) {
  std::vector<std::string> names;
  for (const auto& [name, group] : config.groups) names.push_back(name);
  return names;
}

Result<std::unique_ptr<boot::BootControl>> open_boot_control(const Config& config) {
  const boot::Loader* const loader = boot::find_loader(config.boot.loader);
  if (loader == nullptr) return fail(kConfigValue, "there is no boot loader \"" + config.boot.loader + "\"");
  return loader->open(config.boot.settings, group_names(config));
}

Result<bool> is_on_trial(const Config& config) {
  const auto control = TRY(open_boot_control(config));
  const SystemFacts facts = TRY(read_system_facts(config, *control));
  const boot::BootState state = TRY(control->read());
  return std::ranges::none_of(state.order, [&](const boot::SlotState& slot) {
    return slot.name == facts.booted_group && slot.health == boot::SlotHealth::committed;
  });
}

unsigned tries(const Config& config, const boot::BootControl& control) { return std::min(config.boot.tries, control.max_tries()); }

}  // namespace aloft::agent
