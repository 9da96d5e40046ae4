#include "agent/configured_slots.hpp"

#include "base/errors.hpp"
#include "base/log.hpp"

namespace aloft::agent {

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
  const auto add = [&facts](const GroupConfig& slots) -> Result<> {
    for (const auto& [slot_class, slot] : slots) {
      facts[slot_class] = SlotFacts{.type = slot.type,
                                    .size_bytes = TRY(storage::slot_size_bytes(slot)),
                                    .image_types = storage::image_types_of(slot.type),
                                    .shared = slot.single};
    }
    return {};
  };
  TRY(add(*TRY(find(group))));
  TRY(add(config_.shared));
  return facts;
}

Result<storage::Target> ConfiguredSlots::open(const std::string& group, const bundle::Image& image) {
  const GroupConfig& slots = *TRY(find(group));
  if (const auto forgotten = memory_.forget(group + "-" + image.slot_class); !forgotten) log::warning(forgotten.error().text());
  if (const auto slot = slots.find(image.slot_class); slot != slots.end()) return storage::open_slot(slot->second, image.type);
  if (const auto slot = config_.shared.find(image.slot_class); slot != config_.shared.end())
    return storage::open_slot(slot->second, image.type);
  return fail(kBadArgument, "group \"" + group + "\" has no slot of class \"" + image.slot_class + "\"");
}

Result<std::vector<BlockName>> ConfiguredSlots::block_names(const std::string& group, const std::string& slot_class, ByteSource& slot,
                                                            const std::function<bool()>& stop) {
  const std::string name = group + "-" + slot_class;
  if (auto known = memory_.recall(name)) return *std::move(known);
  auto names = TRY(name_blocks(slot, stop));
  if (const auto kept = memory_.keep(name, names); !kept) log::debug("slot " + name + ": " + kept.error().text());
  return names;
}

Result<std::unique_ptr<ByteSource>> ConfiguredSlots::look(const std::string& group, const std::string& slot_class) {
  const GroupConfig& slots = *TRY(find(group));
  const auto slot = slots.find(slot_class);
  if (slot == slots.end()) return nullptr;
  return storage::open_content(slot->second);
}

Result<Fd> ConfiguredSlots::look_into(const std::string& group, const std::string& slot_class) {
  const GroupConfig& slots = *TRY(find(group));
  const auto slot = slots.find(slot_class);
  if (slot == slots.end()) return Fd();
  return storage::open_files(slot->second);
}

Result<> ConfiguredSlots::written(const bundle::Image& image) {
  const auto slot = config_.shared.find(image.slot_class);
  if (slot == config_.shared.end() || !storage::waits_for_commit(slot->second.type)) return {};
  return switches_.written(image.slot_class, {.sha256 = image.sha256, .size_bytes = image.size_bytes});
}

std::string ConfiguredSharedSlots::together(const std::string& slot_class) const {
  const std::string& type = slots_.at(slot_class).type;
  return storage::commits_together(type) ? type : std::string();
}

Result<> ConfiguredSharedSlots::commit_together(std::span<const DueSwitch> due) {
  std::vector<storage::DueSlot> slots;
  slots.reserve(due.size());
  for (const DueSwitch& one : due) slots.push_back({&slots_.at(one.slot_class), one.content});
  return storage::commit_slots(slots);
}

Result<> ConfiguredSharedSlots::commit(const DueSwitch& due) { return storage::commit_slot(slots_.at(due.slot_class), due.content); }

bool ConfiguredSharedSlots::must_commit(const std::string& slot_class) const { return storage::must_commit(slots_.at(slot_class).type); }

Result<> ConfiguredSharedSlots::give_up(const std::string& slot_class) { return storage::give_up_slot(slots_.at(slot_class)); }

}  // namespace aloft::agent
