#include "boot/grub_rauc.hpp"

#include <algorithm>

namespace aloft::boot {
namespace {

constexpr std::string_view kRaucOrder = "ORDER";

std::string ok(std::string_view slot) { return std::string(slot) + "_OK"; }
std::string tried(std::string_view slot) { return std::string(slot) + "_TRY"; }

}  // namespace

Result<> GrubRaucControl::load_block() {
  return block_.load([this](std::string_view name) {
    return name == kRaucOrder || name == kTrialSlot ||
           std::ranges::any_of(slots(), [name](const std::string& slot) { return name == ok(slot) || name == tried(slot); });
  });
}

Result<BootState> GrubRaucControl::load() {
  TRY(load_block());
  const std::string trial = block_.value(kTrialSlot);
  return ordered(block_.value(kRaucOrder), slots(), [&](const std::string& name) -> SlotState {
    if (block_.value(ok(name)) != "1" || block_.value(tried(name)) == "1") return {name, SlotHealth::bad, 0};
    if (name == trial) return {name, SlotHealth::trial, 1};
    return {name, SlotHealth::committed, 0};
  });
}

Result<> GrubRaucControl::store(const BootState& state) {
  // A trial whose boot is used up stays one as long as it is first: a grub.cfg of RAUC's kind gives its try back when no slot is left.
  const auto on_trial = std::ranges::find(state.order, SlotHealth::trial, &SlotState::health);
  const SlotState& first = state.order.front();
  const bool used_up = first.health == SlotHealth::bad && first.name == block_.value(kTrialSlot);
  const std::string trial = on_trial != state.order.end() ? on_trial->name : used_up ? first.name : "";
  GrubVariables ours(1);
  ours[0].first = kRaucOrder;
  for (const SlotState& slot : state.order) {
    const bool boots = slot.health == SlotHealth::committed || slot.name == trial;
    ours[0].second += (ours[0].second.empty() ? "" : " ") + slot.name;
    ours.emplace_back(ok(slot.name), boots ? "1" : "0");
    ours.emplace_back(tried(slot.name), used_up && slot.name == trial ? "1" : "0");
  }
  if (!trial.empty()) ours.emplace_back(kTrialSlot, trial);
  return block_.save(std::move(ours));
}

Result<> GrubRaucControl::confirm(std::string_view booted) {
  TRY(load_block());
  const auto order = words(block_.value(kRaucOrder));
  const bool counted = block_.value(ok(booted)) == "1" && block_.value(tried(booted)) == "1";
  if (!counted || block_.value(kTrialSlot) == booted || std::ranges::find(order, booted) == order.end()) return {};
  GrubVariables ours{{std::string(kRaucOrder), block_.value(kRaucOrder)}};
  for (const std::string& slot : slots()) {
    ours.emplace_back(ok(slot), block_.value(ok(slot)));
    ours.emplace_back(tried(slot), slot == booted ? "0" : block_.value(tried(slot)));
  }
  if (!block_.value(kTrialSlot).empty()) ours.emplace_back(kTrialSlot, block_.value(kTrialSlot));
  return block_.save(std::move(ours));
}

Result<std::vector<std::string>> GrubRaucControl::examine(Probe probe) {
  TRY(block_.check_writable());
  TRY(load());
  if (probe == Probe::rewrite) TRY(block_.rewrite());
  return std::vector<std::string>();
}

}  // namespace aloft::boot
