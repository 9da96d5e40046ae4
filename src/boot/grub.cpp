#include "boot/grub.hpp"

#include <algorithm>
#include <map>

#include "base/errors.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

constexpr std::string_view kOrder = "ORDER";
constexpr std::size_t kMostBytes = 4096;  // read of a file that claims to be an environment block

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
  before_.clear();
  foreign_.clear();
  auto block = block_->read();
  if (!block) {
    if (block.error().code.number != kNotFound.number) return fail(std::move(block).error());
    return fail(kBootStateCorrupt, "the boot loader's environment is missing: " + block.error().message);
  }
  before_ = *std::move(block);
  std::map<std::string, std::string> ours;
  for (auto& [name, value] : TRY(parse_grub_env(before_))) {
    const bool is_ours = name == kOrder || std::ranges::any_of(slots(), [&](const std::string& s) { return name == state_variable(s); });
    if (is_ours) {
      ours.insert_or_assign(name, value);  // the last one counts, as for GRUB
    } else {
      foreign_.emplace_back(name, value);
    }
  }
  // GRUB never reaches the slots that ORDER leaves out.
  return ordered(ours[std::string(kOrder)], slots(),
                 [&ours](const std::string& name) { return slot_state(name, ours[state_variable(name)]); });
}

Result<> GrubControl::store(const BootState& state) {
  GrubVariables variables;
  std::string order;
  for (const SlotState& slot : state.order) order += (order.empty() ? "" : " ") + slot.name;
  variables.emplace_back(kOrder, order);
  for (const SlotState& slot : state.order) variables.emplace_back(state_variable(slot.name), state_value(slot));
  const std::size_t needed = variables.size();
  variables.insert(variables.end(), foreign_.begin(), foreign_.end());

  const std::string block = TRY(format_grub_env(variables, needed));
  if (before_.size() == kGrubEnvBytes) {
    // The first sector is written even when it reads the same: an earlier write may have reached the page cache only.
    const auto [first, second] = std::pair(std::string_view(block).substr(0, kSectorBytes), std::string_view(block).substr(kSectorBytes));
    TRY(block_->write(0, first));
    if (std::string_view(before_).substr(kSectorBytes) != second) TRY(block_->write(kSectorBytes, second));
  } else {
    TRY(block_->create(block));
  }
  const std::string found = TRY(block_->read());
  if (found != block) return fail(kBootStateWrite, "the boot loader's environment reads back differently than it was written");
  return {};
}

Result<std::vector<std::string>> GrubControl::examine(Probe probe) {
  TRY(block_->check_writable());
  TRY(load());
  if (probe == Probe::rewrite) TRY(block_->write(0, std::string_view(before_).substr(0, kSectorBytes)));
  return std::vector<std::string>();
}

Result<std::unique_ptr<BootControl>> open_grub(const Settings& settings, std::vector<std::string> slots) {
  return std::make_unique<GrubControl>(std::make_unique<FileRegion>(settings.text("grubenv"), 0, kMostBytes), std::move(slots));
}

}  // namespace aloft::boot
