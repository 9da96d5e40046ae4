#include "agent/configured_slots.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "storage/errors.hpp"
#include "storage/file_device.hpp"

namespace aloft::agent {

Result<std::uint64_t> slot_size_bytes(const std::filesystem::path& device) {
  const Fd fd = TRY(open_file(device, O_RDONLY));
  struct stat kind{};
  if (::fstat(fd.get(), &kind) != 0) return fail(system_error("cannot look at", device, errno));
  if (!S_ISBLK(kind.st_mode) && !S_ISREG(kind.st_mode))
    return fail(storage::kNotADevice, device.string() + " is neither a block device nor a regular file; check the slot in system.toml");
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  if (size < 0) return fail(system_error("cannot measure", device, errno));
  return static_cast<std::uint64_t>(size);
}

std::vector<std::string> ConfiguredSlots::groups() const {
  std::vector<std::string> names;
  for (const auto& [name, group] : config_.groups) names.push_back(name);
  return names;
}

Result<const GroupConfig*> ConfiguredSlots::find(const std::string& group) const {
  const auto found = config_.groups.find(group);
  if (found == config_.groups.end()) return fail(kBadArgument, "there is no group \"" + group + "\" in system.toml");
  return &found->second;
}

Result<std::map<std::string, SlotFacts>> ConfiguredSlots::facts(const std::string& group) {
  std::map<std::string, SlotFacts> facts;
  for (const auto& [slot_class, slot] : *TRY(find(group)))
    facts[slot_class] = SlotFacts{.type = slot.type, .size_bytes = TRY(slot_size_bytes(slot.device))};
  return facts;
}

Result<std::unique_ptr<storage::BlockDevice>> ConfiguredSlots::open(const std::string& group, const std::string& slot_class) {
  const GroupConfig* const slots = TRY(find(group));
  const auto slot = slots->find(slot_class);
  if (slot == slots->end()) return fail(kBadArgument, "group \"" + group + "\" has no slot of class \"" + slot_class + "\"");
  return storage::FileDevice::open(slot->second.device);
}

}  // namespace aloft::agent
