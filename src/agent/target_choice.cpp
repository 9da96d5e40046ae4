#include "agent/target_choice.hpp"

#include <algorithm>

#include "bundle/errors.hpp"

namespace aloft::agent {
namespace {

// Whether a group has a slot for each image, and all its slots are there. Shared slots belong to every group.
bool takes(Slots& slots_of, const std::string& group, const bundle::Manifest& manifest) {
  const auto slots = slots_of.facts(group);
  return slots && std::ranges::all_of(manifest.images, [&](const bundle::Image& image) { return slots->contains(image.slot_class); });
}

}  // namespace

Result<std::string> choose_target(const bundle::Manifest& manifest, Slots& slots, const boot::BootState& boot, const std::string& booted,
                                  const std::string& recovery) {
  const std::vector<std::string> groups = slots.groups();
  const bool in_recovery = !recovery.empty() && booted == recovery;
  std::string chosen;
  std::string other;
  bool chosen_is_bad = false;
  for (const boot::SlotState& slot : boot.order) {
    if (slot.name == booted || std::ranges::find(groups, slot.name) == groups.end()) continue;
    other = slot.name;
    const bool bad = slot.health == boot::SlotHealth::bad;
    if ((chosen_is_bad && !bad) || !takes(slots, slot.name, manifest)) continue;
    chosen = slot.name;
    chosen_is_bad = bad;
  }
  if (!chosen.empty()) return chosen;
  if (!recovery.empty() && !in_recovery && takes(slots, booted, manifest)) return booted;
  if (in_recovery)
    return fail(bundle::kNoSlot,
                "no other group takes the images of this bundle; the recovery system itself is replaced from the normal one");
  if (!other.empty()) return other;  // to be told what does not fit, or is not there
  return fail(bundle::kNoSlot, "there is no group but the running one (" + booted + ") to install to; check system.toml");
}

}  // namespace aloft::agent
