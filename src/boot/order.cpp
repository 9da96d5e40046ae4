#include "boot/order.hpp"

#include <algorithm>

#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

Result<std::vector<SlotState>::iterator> find(BootState& state, std::string_view slot) {
  const auto found = std::ranges::find(state.order, slot, &SlotState::name);
  if (found == state.order.end()) return unknown_slot(slot);
  return found;
}

}  // namespace

std::unexpected<Error> unknown_slot(std::string_view slot) {
  return fail(kUnknownSlot, "the boot state has no slot '" + std::string(slot) +
                                "'; groups in system.toml and slots in the boot loader's script must agree");
}

const SlotState* find_slot(const BootState& state, std::string_view slot) {
  const auto found = std::ranges::find(state.order, slot, &SlotState::name);
  return found == state.order.end() ? nullptr : &*found;
}

bool is_committed(const BootState& state, std::string_view slot) {
  const SlotState* const found = find_slot(state, slot);
  return found != nullptr && found->health == SlotHealth::committed;
}

bool is_another_committed(const BootState& state, std::string_view slot) {
  return std::ranges::any_of(state.order, [&](const SlotState& s) { return s.name != slot && s.health == SlotHealth::committed; });
}

Result<BootState> with_first(BootState state, std::string_view slot, SlotHealth health, unsigned tries) {
  const auto found = TRY(find(state, slot));
  found->health = health;
  found->tries_left = tries;
  std::rotate(state.order.begin(), found, found + 1);
  return state;
}

Result<BootState> with_bad(BootState state, std::string_view slot) {
  const auto found = TRY(find(state, slot));
  if (!is_another_committed(state, slot))
    return fail(kNoOtherSlot, "no slot but '" + std::string(slot) + "' is committed, so it stays bootable");
  found->health = SlotHealth::bad;
  found->tries_left = 0;
  std::rotate(found, found + 1, state.order.end());
  return state;
}

Result<BootState> rebuilt(const std::vector<std::string>& slots, std::string_view booted) {
  BootState state;
  for (const std::string& slot : slots) state.order.push_back({slot, SlotHealth::bad, 0});
  return with_first(std::move(state), booted, SlotHealth::committed, 0);
}

}  // namespace aloft::boot
