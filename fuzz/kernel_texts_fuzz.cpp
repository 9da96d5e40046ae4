// Texts of the running system that the agent reads: the kernel's command line, routes, mappings, mounts, what it says of devices; fstab,
// and systemd's list of what failed.
#include <cstdlib>
#include <string>

#include "agent/health.hpp"
#include "agent/idle_memory.hpp"
#include "agent/metered_link.hpp"
#include "agent/mounts.hpp"
#include "agent/root_device.hpp"
#include "storage/device_name.hpp"

extern "C" int kernel_texts_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string value = agent::command_line_value(text, "root=");
  if (value.find_first_of(" \t\r\n") != std::string::npos || (!value.empty() && !text.contains("root=" + value))) std::abort();
  const auto interfaces = agent::default_interfaces(text, text);
  if (interfaces.size() > 2) std::abort();
  for (const std::string& interface : interfaces)
    if (interface.empty() || interface.find_first_of(" \t\n") != std::string::npos) std::abort();
  for (const agent::CleanMapping& mapping : agent::clean_mappings(text))
    if (mapping.start >= mapping.end) std::abort();
  for (const auto& [key, told] : storage::parse_uevent(text))
    if (!text.contains(key + "=" + told) || told.contains('\n')) std::abort();
  const auto mounts = agent::parse_mountinfo(text);
  for (const agent::Mount& mount : mounts)
    if (mount.number.empty() || mount.point.empty()) std::abort();
  if (const agent::Mount* root = agent::mount_of(mounts, "/etc/fstab");
      root != nullptr && root->point.string().size() > sizeof "/etc/fstab")
    std::abort();
  for (const std::string& source : agent::fstab_sources(text))
    if (source.empty() || source.size() > size) std::abort();
  if (agent::failed_units(text).contains('\n')) std::abort();
  return 0;
}
