#include "boot/barebox.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

constexpr std::size_t kVariableBytes = 4;
constexpr std::size_t kMaxDataBytes = 4096;
constexpr std::size_t kMaxSlots = 6;
constexpr std::uint32_t kFirstPriority = 20;  // as RAUC has it
constexpr std::uint32_t kOtherPriority = 10;  // and two less for each that follows, so that even stays even

std::size_t round_up(std::size_t bytes) { return (bytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes; }

// The place of a variable, once only.
Result<std::size_t> place(const Settings& settings, std::string_view key, const std::string& slot, std::set<std::size_t>& taken) {
  const std::string name = slot.empty() ? std::string(key) : std::string(key) + "." + slot;
  if (!settings.has(name))
    return fail(kBootSetting, "boot." + name + " is missing: the variable's offset, as barebox's device tree has it in reg");
  const std::uint64_t at = settings.number(name);
  if (at % kVariableBytes != 0 || at > kMaxDataBytes || !taken.insert(at).second)
    return fail(kBootSetting, "boot." + name + " must be a multiple of 4, up to 4096, and a place of its own");
  return at;
}

Result<BareboxLayout> layout_of(const Settings& settings, const std::vector<std::string>& slots) {
  BareboxLayout layout;
  std::set<std::size_t> taken;
  for (const std::string& slot : slots) {
    const std::size_t attempts_at = TRY(place(settings, "attempts_at", slot, taken));
    const std::size_t priority_at = TRY(place(settings, "priority_at", slot, taken));
    const auto target = static_cast<unsigned>(settings.number("target." + slot));
    layout.slots.emplace(slot, BareboxLayout::Slot{attempts_at, priority_at, target});
  }
  if (settings.has("last_chosen_at")) layout.last_chosen_at = TRY(place(settings, "last_chosen_at", "", taken));
  layout.data_bytes = *taken.rbegin() + kVariableBytes;
  return layout;
}

}  // namespace

std::uint32_t BareboxControl::get(std::size_t at) const {
  std::uint32_t value = 0;
  std::memcpy(&value, data_.data() + at, sizeof value);
  return value;
}

void BareboxControl::set(std::size_t at, std::uint32_t value) { std::memcpy(data_.data() + at, &value, sizeof value); }

Result<BootState> BareboxControl::load() {
  data_.assign(layout_.data_bytes, '\0');
  std::string data = TRY(state_->load());
  if (data.size() < layout_.data_bytes)
    return fail(kBootStateCorrupt, "barebox's state has " + std::to_string(data.size()) + " bytes, and the variables of [boot] need " +
                                       std::to_string(layout_.data_bytes) + "; the settings and barebox's device tree must agree");
  data_ = std::move(data);
  BootState state;
  for (const std::string& name : slots()) {
    const auto& slot = layout_.slots.at(name);
    const std::uint32_t attempts = get(slot.attempts_at);
    const std::uint32_t priority = get(slot.priority_at);
    if (attempts == 0 || priority == 0) {
      state.order.push_back({name, SlotHealth::bad, 0});
    } else if (priority % 2 == 1) {
      state.order.push_back({name, SlotHealth::trial, attempts});
    } else {
      state.order.push_back({name, SlotHealth::committed, 0});
    }
  }
  std::ranges::stable_sort(state.order, std::greater(),
                           [this](const SlotState& slot) { return get(layout_.slots.at(slot.name).priority_at); });
  return state;
}

Result<> BareboxControl::store(const BootState& state) {
  // One trial at a time. One whose tries are used up keeps its priority as long as it is first: that tells it from one taken out.
  const auto on_trial = std::ranges::find(state.order, SlotHealth::trial, &SlotState::health);
  std::uint32_t priority = kFirstPriority;
  for (const SlotState& slot : state.order) {
    const auto& place = layout_.slots.at(slot.name);
    const bool committed = slot.health == SlotHealth::committed;
    const bool trial = on_trial != state.order.end() && slot.name == on_trial->name;
    const bool used_up = slot.health == SlotHealth::bad && &slot == &state.order.front();
    if (!committed && !trial && !used_up) {
      set(place.attempts_at, 0);
      set(place.priority_at, 0);
      continue;
    }
    set(place.attempts_at, committed ? attempts_ : trial ? slot.tries_left : 0);
    set(place.priority_at, committed ? priority : priority + 1);
    priority = priority == kFirstPriority ? kOtherPriority : priority - 2;
  }
  return state_->save(data_);
}

Result<std::optional<std::string>> BareboxControl::booted() {
  if (!layout_.last_chosen_at) return std::nullopt;
  TRY(load());
  const std::uint32_t target = get(*layout_.last_chosen_at);
  for (const auto& [name, slot] : layout_.slots) {
    if (slot.target != 0 && slot.target == target) return name;
  }
  return std::nullopt;
}

Result<> BareboxControl::confirm(std::string_view booted) {
  TRY(load());
  const auto slot = layout_.slots.find(std::string(booted));
  if (slot == layout_.slots.end()) return {};
  const std::uint32_t priority = get(slot->second.priority_at);
  const std::size_t at = slot->second.attempts_at;
  if (priority == 0 || priority % 2 == 1 || get(at) == attempts_) return {};
  set(at, attempts_);
  return state_->save(data_);
}

Result<std::vector<std::string>> BareboxControl::examine(Probe probe) {
  TRY(load());
  auto weak = state_->weaknesses();
  TRY(state_->check_writable());
  if (probe == Probe::rewrite) TRY(state_->save(data_));
  return weak;
}

Result<std::unique_ptr<BootControl>> open_barebox(const Settings& settings, std::vector<std::string> slots) {
  if (slots.size() > kMaxSlots)
    return fail(kBootSetting, "loader = \"barebox\" has priorities for " + std::to_string(kMaxSlots) + " groups");
  BareboxLayout layout = TRY(layout_of(settings, slots));
  const std::uint64_t offset = settings.number("offset");
  const std::uint64_t stride = settings.number("stride");
  if (offset % kSectorBytes != 0) return fail(kBootSetting, "boot.offset must be a multiple of 512");
  auto area = std::make_unique<FileRegion>(settings.text("device"), offset, round_up(kBareboxCopies * stride));
  auto state = std::make_unique<BareboxState>(std::move(area), static_cast<std::uint32_t>(settings.number("magic")), stride);
  return std::make_unique<BareboxControl>(std::move(state), std::move(layout), std::move(slots),
                                          static_cast<unsigned>(settings.number("attempts")));
}

}  // namespace aloft::boot
