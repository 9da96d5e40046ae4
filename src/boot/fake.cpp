#include "boot/fake.hpp"

#include "base/errors.hpp"
#include "boot/errors.hpp"
#include "boot/order.hpp"

namespace aloft::boot {

std::optional<std::string> walk(BootState& state, const std::function<bool(const std::string&)>& loads) {
  for (SlotState& slot : state.order) {
    if (slot.health == SlotHealth::bad) continue;
    if (slot.health == SlotHealth::trial && --slot.tries_left == 0) slot.health = SlotHealth::bad;
    if (loads(slot.name)) return slot.name;
  }
  return std::nullopt;
}

FakeControl::FakeControl(std::vector<std::string> slots, unsigned max_tries) : slots_(std::move(slots)), max_tries_(max_tries) {
  for (const std::string& slot : slots_) {
    state.order.push_back({slot, state.order.empty() ? SlotHealth::committed : SlotHealth::bad, 0});
  }
}

Result<BootState> FakeControl::read() {
  if (unreadable) return fail(kIo, "the fake boot state cannot be read");
  if (corrupt) return fail(kBootStateCorrupt, "the fake boot state is corrupt");
  return state;
}

Result<> FakeControl::set(Result<BootState> next) {
  if (unreadable) return fail(kIo, "the fake boot state cannot be read");
  if (corrupt) return fail(kBootStateCorrupt, "the fake boot state is corrupt");
  if (!next) return fail(std::move(next).error());
  if (failing_writes > 0) {
    --failing_writes;
    return fail(kBootStateWrite, "the fake boot state cannot be written");
  }
  state = *std::move(next);
  return {};
}

Result<> FakeControl::arm(std::string_view slot, unsigned tries) {
  if (tries < 1 || tries > max_tries_) return fail(kBadTries, "tries must be 1 to " + std::to_string(max_tries_));
  return set(with_first(state, slot, SlotHealth::trial, tries));
}
Result<> FakeControl::commit(std::string_view slot) { return set(with_first(state, slot, SlotHealth::committed, 0)); }
Result<> FakeControl::mark_bad(std::string_view slot) { return set(with_bad(state, slot)); }
Result<> FakeControl::confirm(std::string_view booted) {
  const SlotState* slot = find_slot(state, booted);
  if (slot != nullptr && slot->health == SlotHealth::committed) confirmed.emplace_back(booted);
  return {};
}
Result<> FakeControl::rebuild(std::string_view booted) {
  corrupt = false;
  return set(rebuilt(slots_, booted));
}
Result<std::vector<std::string>> FakeControl::examine(Probe) {
  if (corrupt) return fail(kBootStateCorrupt, "the fake boot state is corrupt");
  return std::vector<std::string>();
}

}  // namespace aloft::boot
