#include "boot/grub.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "base/errors.hpp"
#include "boot/errors.hpp"
#include "boot/order.hpp"

namespace aloft::boot {
namespace {

constexpr std::string_view kOrder = "ORDER";

std::string state_variable(std::string_view slot) { return std::string(slot) + "_STATE"; }

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> found;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) found.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return found;
}

// A value that is neither is what GRUB takes it for: not to be booted.
SlotState slot_state(const std::string& name, const std::string& value) {
  if (value == "good") return {name, SlotHealth::committed, 0};
  if (value.size() == 1 && value[0] >= '1' && value[0] <= '9') return {name, SlotHealth::trial, static_cast<unsigned>(value[0] - '0')};
  return {name, SlotHealth::bad, 0};
}

std::string state_value(const SlotState& slot) {
  return slot.health == SlotHealth::committed ? "good" : std::to_string(slot.health == SlotHealth::trial ? slot.tries_left : 0);
}

// ORDER as written, then the slots that it leaves out, as bad: GRUB never reaches them.
Result<BootState> boot_state(const std::map<std::string, std::string>& values, const std::vector<std::string>& slots) {
  BootState state;
  const auto order = values.find(std::string(kOrder));
  const auto listed = [&state](const std::string& name) {
    return std::ranges::any_of(state.order, [&](const SlotState& slot) { return slot.name == name; });
  };
  for (const std::string& name : order == values.end() ? std::vector<std::string>() : words(order->second)) {
    if (std::ranges::find(slots, name) == slots.end() || listed(name)) continue;
    const auto value = values.find(state_variable(name));
    state.order.push_back(slot_state(name, value == values.end() ? "" : value->second));
  }
  if (state.order.empty()) {
    return fail(kBootStateCorrupt, "the boot loader's environment names no slot of this device in ORDER; it has to be written anew");
  }
  for (const std::string& name : slots) {
    if (!listed(name)) state.order.push_back({name, SlotHealth::bad, 0});
  }
  return state;
}

}  // namespace

Result<> GrubControl::known(std::string_view slot) const {
  if (std::ranges::find(slots_, slot) != slots_.end()) return {};
  return fail(kUnknownSlot,
              "the boot state has no slot '" + std::string(slot) + "'; groups in system.toml and slots in grub.cfg must agree");
}

Result<GrubControl::Loaded> GrubControl::load() {
  auto block = block_->read();
  if (!block) {
    if (block.error().code.number != kNotFound.number) return fail(std::move(block).error());
    return fail(kBootStateCorrupt, "the boot loader's environment is missing: " + block.error().message);
  }
  Loaded loaded;
  loaded.block = *std::move(block);
  std::map<std::string, std::string> ours;
  for (auto& [name, value] : TRY(parse_grub_env(loaded.block))) {
    const bool is_ours = name == kOrder || std::ranges::any_of(slots_, [&](const std::string& s) { return name == state_variable(s); });
    if (is_ours) {
      ours.insert_or_assign(name, value);  // the last one counts, as for GRUB
    } else {
      loaded.foreign.emplace_back(name, value);
    }
  }
  loaded.state = TRY(boot_state(ours, slots_));
  return loaded;
}

Result<> GrubControl::store(const BootState& state, const Loaded& before) {
  GrubVariables variables;
  std::string order;
  for (const SlotState& slot : state.order) order += (order.empty() ? "" : " ") + slot.name;
  variables.emplace_back(kOrder, order);
  for (const SlotState& slot : state.order) variables.emplace_back(state_variable(slot.name), state_value(slot));
  const std::size_t needed = variables.size();
  variables.insert(variables.end(), before.foreign.begin(), before.foreign.end());

  const std::string block = TRY(format_grub_env(variables, needed));
  if (before.block.size() == kGrubEnvBytes) {
    // The first sector is written even when it reads the same: an earlier write may have reached the page cache only.
    const auto [first, second] = std::pair(std::string_view(block).substr(0, kSectorBytes), std::string_view(block).substr(kSectorBytes));
    TRY(block_->write_sector(0, first));
    if (std::string_view(before.block).substr(kSectorBytes) != second) TRY(block_->write_sector(1, second));
  } else {
    TRY(block_->create(block));
  }
  const std::string found = TRY(block_->read());
  if (found != block) return fail(kBootStateWrite, "the boot loader's environment reads back differently than it was written");
  return {};
}

Result<BootState> GrubControl::read() { return TRY(load()).state; }

Result<> GrubControl::arm(std::string_view slot, unsigned tries) {
  if (tries < 1 || tries > kMaxTries) return fail(kBadTries, "tries must be 1 to 9, not " + std::to_string(tries));
  TRY(known(slot));
  const Loaded loaded = TRY(load());
  return store(TRY(with_first(loaded.state, slot, SlotHealth::trial, tries)), loaded);
}

Result<> GrubControl::commit(std::string_view slot) {
  TRY(known(slot));
  const Loaded loaded = TRY(load());
  return store(TRY(with_first(loaded.state, slot, SlotHealth::committed, 0)), loaded);
}

Result<> GrubControl::mark_bad(std::string_view slot) {
  TRY(known(slot));
  const Loaded loaded = TRY(load());
  return store(TRY(with_bad(loaded.state, slot)), loaded);
}

Result<> GrubControl::rebuild(std::string_view booted) {
  const BootState state = TRY(rebuilt(slots_, booted));
  Loaded before;
  if (auto block = block_->read()) before.block = *std::move(block);
  return store(state, before);
}

}  // namespace aloft::boot
