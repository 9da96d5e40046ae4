// What doctor reads of a device's names: a superblock, the kernel's list of mounts, fstab.
#include "agent/mounts.hpp"
#include "storage/file_system_id.hpp"

extern "C" int device_names_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto id = storage::file_system_id(as_bytes(text));
  if (id && id->label.size() > 64) __builtin_trap();
  const auto mounts = agent::parse_mountinfo(text);
  if (const auto* const mount = agent::mount_of(mounts, "/var/lib/aloft"); mount != nullptr && mount->point.empty()) __builtin_trap();
  for (const std::string& source : agent::fstab_sources(text))
    if (source.empty()) __builtin_trap();
  return 0;
}
