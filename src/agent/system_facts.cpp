#include "agent/system_facts.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "agent/errors.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

constexpr std::uint64_t kMaxFactBytes = 64 << 10;
constexpr std::string_view kSlotKey = "aloft.slot=";

std::string first_line(const std::filesystem::path& path) {
  const auto content = read_file(path, kMaxFactBytes);
  if (!content) return {};
  return content->substr(0, content->find_first_of("\r\n"));
}

// The group that owns the block device of the root file system; empty where none does (overlay, tmpfs, initramfs, dm).
std::string group_of_root(const Config& config) {
  struct stat root{};
  if (::stat("/", &root) != 0) return {};
  for (const auto& [name, group] : config.groups)
    for (const auto& [slot_class, slot] : group) {
      struct stat device{};
      if (::stat(slot.device.c_str(), &device) == 0 && S_ISBLK(device.st_mode) && device.st_rdev == root.st_dev) return name;
    }
  return {};
}

}  // namespace

std::string slot_of_command_line(std::string_view command_line) {
  std::string slot;
  while (!command_line.empty()) {
    const auto end = command_line.find_first_of(" \t\r\n");
    const std::string_view word = command_line.substr(0, end);
    if (word.starts_with(kSlotKey)) slot = word.substr(kSlotKey.size());
    command_line.remove_prefix(end == std::string_view::npos ? command_line.size() : end + 1);
  }
  return slot;
}

Result<SystemFacts> read_system_facts(const Config& config) {
  SystemFacts facts;
  const std::string path = config.agent.kernel_command_line.string();
  facts.booted_group = slot_of_command_line(TRY(read_file(path, kMaxFactBytes)));
  if (facts.booted_group.empty())
    return fail(kBootedGroup, path + " has no \"aloft.slot=\"; the boot loader must say which group of slots it booted");
  if (!config.groups.contains(facts.booted_group))
    return fail(kBootedGroup, path + " says that group \"" + facts.booted_group + "\" booted, which the configuration does not have");
  const std::string owner = group_of_root(config);
  if (!owner.empty() && owner != facts.booted_group)
    return fail(kBootedGroup, path + " says that group \"" + facts.booted_group + "\" booted, but / lies on a slot of group \"" + owner +
                                  "\"; mend the boot loader's configuration");
  facts.boot_id = first_line(config.agent.boot_id_file);
  facts.version = first_line(config.agent.version_file);
  if (facts.version.empty()) facts.version = "unknown";
  facts.machine_id = first_line(config.agent.machine_id_file);
  facts.systemd = ::access("/run/systemd/system", F_OK) == 0;
  return facts;
}

}  // namespace aloft::agent
