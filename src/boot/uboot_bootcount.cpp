#include "boot/uboot_bootcount.hpp"

#include <algorithm>
#include <charconv>

#include "boot/errors.hpp"
#include "boot/order.hpp"

namespace aloft::boot {
namespace {

constexpr std::string_view kAvailable = "upgrade_available";
constexpr std::string_view kCount = "bootcount";
constexpr std::string_view kLimit = "bootlimit";
constexpr std::string_view kGoodVariable = "aloft_good";

std::string hex(unsigned value) {
  std::array<char, 8> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return {digits.data(), end};
}

}  // namespace

unsigned UbootBootcountControl::number(std::string_view name) const {
  const std::string text = value(name);
  unsigned found = 0;
  std::from_chars(text.data(), text.data() + text.size(), found);
  return found;
}

Result<BootState> UbootBootcountControl::load() {
  TRY(load_variables());
  const unsigned part = number(part_variable_);
  const auto active = std::ranges::find(parts_, part, [](const auto& slot) { return slot.second; });
  if (active == parts_.end())
    return fail(kBootStateCorrupt, "U-Boot's " + part_variable_ + " is \"" + value(part_variable_).substr(0, 32) +
                                       "\", which is no slot's part in [boot.part]; it has to be written anew");
  const auto good = words(value(kGoodVariable));
  const bool counting = number(kAvailable) != 0;
  SlotState first{active->first, SlotHealth::committed, 0};
  if (counting) {
    const unsigned limit = number(kLimit);
    const unsigned count = number(kCount);
    first.tries_left = limit > count ? limit - count : 0;
    first.health = first.tries_left > 0 ? SlotHealth::trial : SlotHealth::bad;
  }
  BootState state{{first}};
  for (const auto& [name, other_part] : parts_) {
    if (name == first.name) continue;
    // While U-Boot counts, altbootcmd goes back to the other one, whatever else is said of it.
    const bool committed = counting || std::ranges::find(good, name) != good.end();
    const SlotState other{name, committed ? SlotHealth::committed : SlotHealth::bad, 0};
    const bool used_up = !counting && !committed && value(kTrialSlot) == name;  // altbootcmd came back from it
    state.order.insert(used_up ? state.order.begin() : state.order.end(), other);
  }
  return state;
}

Result<> UbootBootcountControl::store(const BootState& state) {
  const auto boots = std::ranges::find_if(state.order, [](const SlotState& slot) { return slot.health != SlotHealth::bad; });
  if (boots == state.order.end()) return fail(kNoOtherSlot, "no slot may be booted");
  const bool on_trial = boots->health == SlotHealth::trial;
  std::string good;
  for (const SlotState& slot : state.order) {
    if (slot.health == SlotHealth::committed) good += (good.empty() ? "" : " ") + slot.name;
  }
  if (good.empty()) return fail(kNoOtherSlot, "no slot is committed, so a trial would have no way back");
  const unsigned part = parts_.at(boots->name);
  set(part_variable_, std::to_string(part));
  set(part_variable_ + "_hex", hex(part));
  set(kAvailable, on_trial ? "1" : "0");
  set(kCount, "0");
  if (on_trial) set(kLimit, std::to_string(boots->tries_left));
  set(kGoodVariable, good);
  const SlotState& first = state.order.front();
  set(kTrialSlot, on_trial ? boots->name : first.health == SlotHealth::bad ? first.name : "");
  return save();
}

Result<std::unique_ptr<BootControl>> open_uboot_bootcount(const Settings& settings, std::unique_ptr<UbootEnvironment> environment,
                                                          std::filesystem::path initial_env, std::vector<std::string> slots) {
  if (slots.size() != 2) return fail(kBootSetting, "convention = \"bootcount\" is for two groups: altbootcmd knows one other slot only");
  std::map<std::string, unsigned> parts;
  for (const std::string& slot : slots) {
    const std::string text = settings.of_slot("part", slot);
    unsigned part = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), part);
    if (problem != std::errc() || end != text.data() + text.size() || part == 0)
      return fail(kBootSetting, "[boot.part] must say the partition number of group " + slot);
    if (std::ranges::any_of(parts, [part](const auto& other) { return other.second == part; }))
      return fail(kBootSetting, "[boot.part] gives two groups the same partition");
    parts.emplace(slot, part);
  }
  return std::make_unique<UbootBootcountControl>(std::move(environment), std::move(initial_env), std::move(slots),
                                                 settings.text("part_variable"), std::move(parts));
}

}  // namespace aloft::boot
