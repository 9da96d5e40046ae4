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
  if (const auto slot = slots.find(image.slot_class); slot != slots.end()) return storage::open_slot(slot->second, image.type);
  if (const auto slot = config_.shared.find(image.slot_class); slot != config_.shared.end())
    return storage::open_slot(slot->second, image.type);
  return fail(kBadArgument, "group \"" + group + "\" has no slot of class \"" + image.slot_class + "\"");
}

Result<std::unique_ptr<ByteSource>> ConfiguredSlots::look(const std::string& group, const std::string& slot_class) {
  const GroupConfig& slots = *TRY(find(group));
  const auto slot = slots.find(slot_class);
  if (slot == slots.end()) return nullptr;
  return storage::open_content(slot->second);
}

Result<> ConfiguredSlots::written(const bundle::Image& image) {
  const auto slot = config_.shared.find(image.slot_class);
  if (slot == config_.shared.end() || !storage::waits_for_commit(slot->second.type)) return {};
  return waiting_.add(image.slot_class, {.sha256 = image.sha256, .size_bytes = image.size_bytes});
}

// By type, those that are switched as one.
Result<> ConfiguredSlots::commit_together() {
  std::map<std::string, std::vector<storage::DueSlot>> due;
  const auto all = TRY(waiting_.all());
  for (const auto& [slot_class, one] : all) {
    const auto slot = config_.shared.find(slot_class);
    if (one.due && slot != config_.shared.end() && storage::commits_together(slot->second.type))
      due[slot->second.type].push_back({&slot->second, one.content});
  }
  for (const auto& [type, slots] : due) {
    TRY(storage::commit_slots(slots));
    for (const storage::DueSlot& one : slots) {
      log::info("slot " + one.slot->slot_class + ": committed");
      TRY(waiting_.remove(one.slot->slot_class));
    }
  }
  return {};
}

// A slot that must be committed keeps its record until it was; another that fails has said why, and is not asked again.
Result<> ConfiguredSlots::commit_due() {
  TRY(commit_together());
  for (const auto& [slot_class, one] : TRY(waiting_.all())) {
    if (!one.due) continue;
    if (const auto slot = config_.shared.find(slot_class); slot != config_.shared.end()) {
      auto done = storage::commit_slot(slot->second, one.content);
      if (!done && storage::must_commit(slot->second.type)) return done;
      if (done) log::info("slot " + slot_class + ": committed");
      if (!done) log::error("slot " + slot_class + ": " + done.error().text());
    }
    TRY(waiting_.remove(slot_class));
  }
  return {};
}

Result<> ConfiguredSlots::commit() {
  TRY(waiting_.make_all_due());
  return commit_due();
}

// What is due belongs to a system that was committed: it is made up for, and stands in the way of the next update until then.
Result<> ConfiguredSlots::abandon() {
  TRY(commit_due());
  for (const auto& [slot_class, one] : TRY(waiting_.all())) {
    if (const auto slot = config_.shared.find(slot_class); slot != config_.shared.end()) {
      if (auto done = storage::give_up_slot(slot->second); !done) log::error("slot " + slot_class + ": " + done.error().text());
    }
    TRY(waiting_.remove(slot_class));
  }
  return {};
}

}  // namespace aloft::agent
