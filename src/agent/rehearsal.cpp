#include "agent/rehearsal.hpp"

#include <algorithm>

#include "agent/target_choice.hpp"
#include "boot/order.hpp"
#include "bundle/compatibility.hpp"
#include "bundle/errors.hpp"
#include "crypto/sha256.hpp"
#include "update/errors.hpp"
#include "update/step.hpp"

namespace aloft::agent {
namespace {

crypto::Digest zeros_digest(std::size_t size) { return crypto::sha256(Bytes(size)); }

Result<> compare(const bundle::Image& image, const std::string& group, const SlotLook& look, ImageRehearsal& out) {
  Bytes content(image.frame_size_bytes);
  const crypto::Digest zeros = zeros_digest(image.frame_size_bytes);
  for (std::uint64_t frame = 0; frame < out.frames; ++frame) {
    const std::uint32_t size = image.frame_content_bytes(frame);
    const MutableByteView bytes = MutableByteView(content).first(size);
    const bool seen = TRY(look(group, image, frame * image.frame_size_bytes, bytes));
    if (seen && crypto::sha256(bytes) == image.frames[frame]) {
      ++out.frames_in_place;
      continue;
    }
    out.write_bytes += size;
    if (image.type == "raw" && image.frames[frame] == (size == image.frame_size_bytes ? zeros : zeros_digest(size))) {
      ++out.frames_zero;
    } else {
      out.fetch_bytes += image.encoding == bundle::Encoding::none ? size : image.stored[frame].size_bytes;
    }
  }
  return {};
}

// What the updater's own steps would refuse.
void find_obstacles(const RehearsalFacts& facts, const Rehearsal& plan, OpenBundle& bundle, Slots& slots, std::vector<Error>& obstacles) {
  const auto against = [&](Result<> result) {
    if (!result) obstacles.push_back(std::move(result).error());
  };
  const bundle::Manifest& manifest = bundle.reader().manifest();
  if (!step(facts.last, {update::EventKind::offer, {}}))
    against(fail(update::kNotNow, "another update is " + std::string(to_string(facts.last.phase)) + "; wait for it, or cancel it"));
  if (!is_committed(facts.boot, facts.booted))
    against(fail(update::kNotNow, "the running group " + facts.booted + " is not committed, so it is the only way back"));
  bundle::DeviceFacts device{.product = facts.product, .hardware = facts.hardware, .security_floor = facts.floor, .slots = {}};
  auto target = slots.facts(plan.target);
  if (target) device.slots = *target;
  if (!target) return obstacles.push_back(std::move(target).error());
  against(bundle::check_compatible(manifest, device));
  const bool rereadable = bundle.is_remote() || bundle.reader().any_order();
  if (const auto order = bundle::writing_order(manifest, device.slots, rereadable ? bundle::Seek::can : bundle::Seek::cannot); !order)
    obstacles.push_back(order.error());
  if (plan.target != facts.booted) return;
  const boot::SlotState* const recovery = find_slot(facts.boot, facts.recovery);
  if (recovery == nullptr || (recovery->health == boot::SlotHealth::bad && !facts.recovery_whole))
    against(fail(update::kNoRecovery, "the recovery system (group " + facts.recovery + ") has to install this, but it is marked bad"));
  if (!rereadable) against(fail(update::kStreamForRecovery, "the recovery system has to install this, and cannot read a stream again"));
}

std::vector<std::string> boot_changes(const RehearsalFacts& facts, const Rehearsal& plan) {
  const std::string tries = std::to_string(facts.tries) + (facts.tries == 1 ? " try" : " tries");
  std::vector<std::string> changes;
  if (plan.target == facts.booted) {
    changes.push_back("group " + facts.recovery + ", the recovery system, is armed with " + tries +
                      "; the machine restarts into it, and it goes on from there");
    changes.push_back("group " + facts.recovery + " is committed, before anything is written");
  }
  const boot::SlotState* const target = find_slot(facts.boot, plan.target);
  if (target == nullptr || target->health != boot::SlotHealth::bad || target == &facts.boot.order.front())
    changes.push_back("group " + plan.target + " is marked bad, before anything is written");
  changes.push_back("group " + plan.target + " is armed with " + tries +
                    ", once all is written and read back; the machine restarts into it");
  changes.push_back("group " + plan.target +
                    " is committed once it has proven itself; else it is marked bad, and the machine restarts into what it came from");
  return changes;
}

}  // namespace

Result<Rehearsal> rehearse(const RehearsalFacts& facts, OpenBundle& bundle, Slots& slots, const SlotLook& look) {
  const bundle::Manifest& manifest = bundle.reader().manifest();
  Rehearsal plan{.version = manifest.version,
                 .security_version = manifest.security_version,
                 .floor = facts.floor,
                 .booted = facts.booted,
                 .target = {},
                 .images = {},
                 .boot_changes = {},
                 .obstacles = {}};
  auto target = choose_target(manifest, slots, facts.boot, facts.booted, facts.recovery);
  if (!target) {
    plan.obstacles.push_back(std::move(target).error());
    return plan;
  }
  plan.target = *target;
  find_obstacles(facts, plan, bundle, slots, plan.obstacles);
  const auto known = slots.facts(plan.target);
  if (!known) return plan;
  const auto order = bundle::writing_order(manifest, *known, bundle::Seek::can);
  for (const std::size_t index : order.value_or(std::vector<std::size_t>())) {
    const bundle::Image& image = manifest.images[index];
    const auto slot = known->find(image.slot_class);
    if (slot == known->end()) continue;
    ImageRehearsal each{.image = image.name,
                        .slot = (slot->second.shared ? "shared" : plan.target) + "." + image.slot_class,
                        .device = facts.device_of(plan.target, image.slot_class),
                        .size_bytes = image.size_bytes,
                        .frames = image.frame_count()};
    if (auto compared = compare(image, plan.target, look, each); !compared) plan.obstacles.push_back(std::move(compared).error());
    plan.images.push_back(std::move(each));
  }
  plan.boot_changes = boot_changes(facts, plan);
  return plan;
}

Json to_json(const Rehearsal& plan) {
  Json images = Json::array();
  for (const ImageRehearsal& each : plan.images)
    images.push_back({{"image", each.image},
                      {"slot", each.slot},
                      {"device", each.device},
                      {"size_bytes", each.size_bytes},
                      {"frames", each.frames},
                      {"frames_in_place", each.frames_in_place},
                      {"frames_zero", each.frames_zero},
                      {"fetch_bytes", each.fetch_bytes},
                      {"write_bytes", each.write_bytes}});
  Json obstacles = Json::array();
  for (const Error& error : plan.obstacles)
    obstacles.push_back({{"number", error.code.number}, {"name", error.code.name}, {"message", error.message}});
  return Json{{"would_install", plan.obstacles.empty()},
              {"version", plan.version},
              {"security_version", plan.security_version},
              {"floor", plan.floor},
              {"running", plan.booted},
              {"target", plan.target},
              {"images", std::move(images)},
              {"boot_changes", plan.boot_changes},
              {"obstacles", std::move(obstacles)}};
}

std::string text_of(const Rehearsal& plan) {
  std::string text = "version " + plan.version + ", security version " + std::to_string(plan.security_version) + " (floor " +
                     std::to_string(plan.floor) + ")\n";
  if (!plan.target.empty()) text += "running group " + plan.booted + ", would be written: group " + plan.target + "\n";
  for (const ImageRehearsal& each : plan.images)
    text += "  " + each.image + " to " + each.slot + " (" + each.device + "): " + std::to_string(each.frames) + " frames, " +
            std::to_string(each.frames_in_place) + " in place; " + std::to_string(each.fetch_bytes) + " bytes to fetch, " +
            std::to_string(each.write_bytes) + " to write\n";
  for (const std::string& change : plan.boot_changes) text += "  then: " + change + "\n";
  for (const Error& error : plan.obstacles) text += "would be stopped by: " + error.text() + "\n";
  if (plan.obstacles.empty()) text += "nothing would stop it; nothing was written\n";
  return text;
}

}  // namespace aloft::agent
