#include "boot/grub.hpp"

#include <algorithm>

#include "boot/grub_rauc.hpp"

namespace aloft::boot {
namespace {

constexpr std::string_view kGrubOrder = "ORDER";
constexpr std::size_t kMostBlockBytes = 4096;  // read of a file that claims to be an environment block

std::string state_variable(std::string_view slot) { return std::string(slot) + "_STATE"; }

// A value that is neither is what GRUB takes it for: not to be booted.
SlotState slot_state(const std::string& name, const std::string& value) {
  if (value == "good") return {name, SlotHealth::committed, 0};
  if (value.size() == 1 && value[0] >= '1' && value[0] <= '9') return {name, SlotHealth::trial, static_cast<unsigned>(value[0] - '0')};
  return {name, SlotHealth::bad, 0};
}

std::string state_value(const SlotState& slot) {
  return slot.health == SlotHealth::committed ? "good" : std::to_string(slot.health == SlotHealth::trial ? slot.tries_left : 0);
}

}  // namespace

Result<BootState> GrubControl::load() {
  TRY(block_.load([this](std::string_view name) {
    return name == kGrubOrder || std::ranges::any_of(slots(), [name](const std::string& slot) { return name == state_variable(slot); });
  }));
  // GRUB never reaches the slots that ORDER leaves out.
  return ordered(block_.value(kGrubOrder), slots(),
                 [this](const std::string& name) { return slot_state(name, block_.value(state_variable(name))); });
}

Result<> GrubControl::store(const BootState& state) {
  GrubVariables ours(1);
  ours[0].first = kGrubOrder;
  for (const SlotState& slot : state.order) {
    ours[0].second += (ours[0].second.empty() ? "" : " ") + slot.name;
    ours.emplace_back(state_variable(slot.name), state_value(slot));
  }
  return block_.save(std::move(ours));
}

Result<std::vector<std::string>> GrubControl::examine(Probe probe) {
  TRY(block_.check_writable());
  TRY(load());
  if (probe == Probe::rewrite) TRY(block_.rewrite());
  return std::vector<std::string>();
}

Result<std::unique_ptr<BootControl>> open_grub(const Settings& settings, std::vector<std::string> slots) {
  auto block = std::make_unique<FileRegion>(settings.text("grubenv"), 0, kMostBlockBytes);
  if (settings.text("convention") == "rauc") return std::make_unique<GrubRaucControl>(std::move(block), std::move(slots));
  return std::make_unique<GrubControl>(std::move(block), std::move(slots));
}

}  // namespace aloft::boot
