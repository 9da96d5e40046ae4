#include "agent/system_facts.hpp"

#include <unistd.h>

#include <array>

#include "agent/errors.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

constexpr std::uint64_t kMaxFactBytes = 64 << 10;
constexpr std::array<std::string_view, 3> kSlotKeys{"aloft.slot=", "rauc.slot=", "bootchooser.active="};

// One that says which group booted, and its word.
struct Witness {
  std::string who;
  std::string group;
};

std::string first_line(const std::filesystem::path& path) {
  const auto content = read_file(path, kMaxFactBytes);
  if (!content) return {};
  return content->substr(0, content->find_first_of("\r\n"));
}

std::vector<Witness> witnesses(const Config& config, boot::BootControl& control, std::string_view command_line, const DeviceTrees& trees) {
  std::vector<Witness> found;
  // A state that cannot be read is the updater's to mend; the others still know.
  if (const auto booted = control.booted(); booted && *booted) found.push_back({"the boot loader", **booted});
  for (const std::string_view key : kSlotKeys) {
    if (std::string group = command_line_value(command_line, key); !group.empty())
      found.push_back({config.agent.kernel_command_line.string() + " (" + std::string(key) + ")", std::move(group)});
  }
  if (std::string group = group_of_root(config, command_line, trees); !group.empty())
    found.push_back({"the device of /", std::move(group)});
  return found;
}

}  // namespace

Result<SystemFacts> read_system_facts(const Config& config, boot::BootControl& control, const DeviceTrees& trees) {
  SystemFacts facts;
  const std::string path = config.agent.kernel_command_line.string();
  const std::string command_line = TRY(read_file(path, kMaxFactBytes));
  const auto found = witnesses(config, control, command_line, trees);
  if (found.empty())
    return fail(kBootedGroup,
                path + " has no \"aloft.slot=\", and / is on no slot's device; the boot loader must say which group of slots it booted");
  for (const Witness& witness : found) {
    if (!config.groups.contains(witness.group))
      return fail(kBootedGroup, witness.who + " says that group \"" + witness.group + "\" booted, which the configuration does not have");
    if (witness.group != found.front().group)
      return fail(kBootedGroup, found.front().who + " says that group \"" + found.front().group + "\" booted, but " + witness.who +
                                    " says \"" + witness.group + "\"; mend the boot loader's configuration");
  }
  facts.booted_group = found.front().group;
  facts.boot_id = first_line(config.agent.boot_id_file);
  facts.version = first_line(config.agent.version_file);
  if (facts.version.empty()) facts.version = "unknown";
  facts.machine_id = first_line(config.agent.machine_id_file);
  facts.systemd = ::access("/run/systemd/system", F_OK) == 0;
  facts.chosen_as_trial = command_line_value(command_line, "aloft.state=") == "trial";
  return facts;
}

}  // namespace aloft::agent
