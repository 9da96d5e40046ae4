#include "boot/uefi.hpp"

#include <algorithm>

#include "boot/errors.hpp"
#include "boot/order.hpp"
#include "boot/record_control.hpp"

namespace aloft::boot {
namespace {

constexpr std::size_t kMostMarkBytes = 1024;

std::string global(std::string_view name) { return std::string(name) + "-" + std::string(kEfiGlobal); }

bool holds(const std::vector<std::string>& names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

}  // namespace

TrialMark parse_trial_mark(std::string_view text) {
  TrialMark mark;
  if (text.size() > kMostMarkBytes) return mark;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::vector<std::string> line = words(text.substr(0, end));
    if (line.size() == 2 && line[0] == "first") mark.first = line[1];
    if (!line.empty() && line[0] == "parked") mark.parked.assign(line.begin() + 1, line.end());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return mark;
}

std::string format_trial_mark(const TrialMark& mark) {
  std::string text;
  if (!mark.first.empty()) text += "first " + mark.first + "\n";
  text += "parked";
  for (const std::string& slot : mark.parked) text += " " + slot;
  return text + "\n";
}

bool UefiControl::Firmware::is_of(std::uint16_t entry, std::string_view slot) const {
  const auto found = entries.find(entry);
  return found != entries.end() && found->second == slot;
}

bool UefiControl::Firmware::is_in_order(std::string_view slot) const {
  return std::ranges::any_of(order, [&](std::uint16_t entry) { return is_of(entry, slot); });
}

std::optional<std::string> UefiControl::Firmware::slot_of(std::uint16_t entry) const {
  const auto found = entries.find(entry);
  return found == entries.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint16_t> UefiControl::Firmware::entry_of(std::string_view slot) const {
  for (const auto& started : {current, next}) {
    if (started && is_of(*started, slot)) return started;
  }
  for (const std::uint16_t entry : order) {
    if (is_of(entry, slot)) return entry;
  }
  const auto found = std::ranges::find_if(entries, [slot](const auto& entry) { return entry.second == slot; });
  return found == entries.end() ? std::nullopt : std::optional(found->first);
}

std::optional<std::string> UefiControl::Firmware::trial() const {
  const auto slot = next ? slot_of(*next) : std::nullopt;
  return slot && !is_in_order(*slot) ? slot : std::nullopt;
}

// None where the variable is not there, or is no list.
Result<std::vector<std::uint16_t>> UefiControl::numbers(std::string_view name) {
  const auto variable = TRY(variables_->read(global(name)));
  if (!variable) return std::vector<std::uint16_t>();
  return parse_boot_numbers(variable->data).value_or(std::vector<std::uint16_t>());
}

// A label may stand more than once: an installer ran twice, or the firmware made one of its own. All of them start the slot.
Result<UefiControl::Firmware> UefiControl::look() {
  Firmware now;
  now.order = TRY(numbers("BootOrder"));
  for (const std::string& name : TRY(variables_->names())) {
    const auto number = boot_entry_number(std::string_view(name).substr(0, std::min<std::size_t>(name.size(), 8)));
    if (!number || name != global(boot_entry_name(*number))) continue;
    const auto variable = TRY(variables_->read(name));
    if (!variable) continue;
    const auto option = parse_load_option(variable->data);
    if (!option || (option->attributes & kLoadOptionActive) == 0) continue;
    const auto slot = std::ranges::find(slots_, option->label, &UefiSlot::label);
    if (slot != slots_.end()) now.entries.emplace(*number, slot->name);
  }
  if (const auto next = TRY(numbers("BootNext")); next.size() == 1) now.next = next.front();
  if (const auto current = TRY(numbers("BootCurrent")); current.size() == 1) now.current = current.front();
  if (const auto mark = TRY(variables_->read(kTrialVariable))) now.mark = parse_trial_mark(mark->data);
  return now;
}

// First the slot on trial, or the one that used up its try; then the committed ones as BootOrder has them; then the others.
BootState UefiControl::state_of(const Firmware& now) const {
  BootState state;
  const auto listed = [&state](std::string_view name) { return find_slot(state, name) != nullptr; };
  if (const auto trial = now.trial()) {
    state.order.push_back({*trial, SlotHealth::trial, 1});
  } else if (std::ranges::find(slots_, now.mark.first, &UefiSlot::name) != slots_.end() && !now.is_in_order(now.mark.first)) {
    state.order.push_back({now.mark.first, SlotHealth::bad, 0});
  }
  for (const std::uint16_t entry : now.order) {
    const auto slot = now.slot_of(entry);
    if (slot && !listed(*slot)) state.order.push_back({*slot, SlotHealth::committed, 0});
  }
  for (const UefiSlot& slot : slots_) {
    if (!listed(slot.name) && !holds(now.mark.parked, slot.name)) state.order.push_back({slot.name, SlotHealth::bad, 0});
  }
  for (const std::string& slot : now.mark.parked) {
    if (!listed(slot) && std::ranges::find(slots_, slot, &UefiSlot::name) != slots_.end())
      state.order.push_back({slot, SlotHealth::bad, 0});
  }
  return state;
}

Result<UefiControl::Firmware> UefiControl::look_at_sound() {
  Firmware now = TRY(look());
  const bool any = std::ranges::any_of(now.order, [&now](std::uint16_t entry) { return now.slot_of(entry).has_value(); });
  if (any) return now;
  return fail(kBootStateCorrupt,
              "the firmware's boot order names no entry of this device's slots; it has to be written anew (some firmware forgets it "
              "when its battery is empty or its settings are reset)");
}

Result<BootState> UefiControl::read() { return state_of(TRY(look_at_sound())); }

Result<std::optional<std::string>> UefiControl::booted() {
  const Firmware now = TRY(look());
  return now.current ? now.slot_of(*now.current) : std::nullopt;
}

Result<> UefiControl::known(std::string_view slot) const {
  if (std::ranges::find(slots_, slot, &UefiSlot::name) != slots_.end()) return {};
  return unknown_slot(slot);
}

Result<std::uint16_t> UefiControl::entry_for(const Firmware& now, std::string_view slot) {
  if (const auto found = now.entry_of(slot)) return *found;
  return create_entry(*std::ranges::find(slots_, slot, &UefiSlot::name));
}

Result<std::uint16_t> UefiControl::create_entry(const UefiSlot& slot) {
  if (!slot.make)
    return fail(kBootSetting, "the firmware has no boot entry \"" + slot.label + "\" for slot " + slot.name +
                                  "; make it with efibootmgr, or set boot.partitions, boot.files and boot.arguments");
  const LoadOption option = TRY(slot.make());
  const std::vector<std::string> names = TRY(variables_->names());
  for (std::uint32_t number = 0; number <= 0xffff; ++number) {
    const std::string name = global(boot_entry_name(static_cast<std::uint16_t>(number)));
    if (holds(names, name)) continue;
    TRY(variables_->write(name, {kEfiKept, format_load_option(option)}));
    return static_cast<std::uint16_t>(number);
  }
  return fail(kBootStateWrite, "the firmware has no number left for a boot entry");
}

Result<> UefiControl::set_order(Firmware& now, std::vector<std::uint16_t> order) {
  TRY(variables_->write(global("BootOrder"), {kEfiKept, format_boot_numbers(order)}));
  now.order = std::move(order);
  return {};
}

Result<> UefiControl::set_mark(Firmware& now, TrialMark mark) {
  if (mark == now.mark) return {};
  TRY(variables_->write(kTrialVariable, {kEfiKept, format_trial_mark(mark)}));
  now.mark = std::move(mark);
  return {};
}

Result<> UefiControl::drop_next(Firmware& now) {
  if (!now.next || !now.slot_of(*now.next)) return {};  // none, or that of another system
  TRY(variables_->remove(global("BootNext")));
  now.next.reset();
  return {};
}

Result<> UefiControl::take_out_of_order(Firmware& now, std::string_view slot) {
  if (!now.is_in_order(slot)) return {};
  std::vector<std::uint16_t> order = now.order;
  std::erase_if(order, [&](std::uint16_t entry) { return now.is_of(entry, slot); });
  return set_order(now, std::move(order));
}

// BootNext is the switch. The mark comes after it: what a power cut between the two costs is one try too many, where the other way
// round it would cost an update that is thrown away unseen.
Result<> UefiControl::arm(std::string_view slot, unsigned tries) {
  if (tries != 1) return fail(kBadTries, "the firmware gives a trial one boot, not " + std::to_string(tries));
  TRY(known(slot));
  Firmware now = TRY(look_at_sound());
  TRY(with_bad(state_of(now), slot));  // another one must be committed
  const std::uint16_t entry = TRY(entry_for(now, slot));
  TRY(take_out_of_order(now, slot));
  TRY(variables_->write(global("BootNext"), {kEfiKept, format_boot_numbers({entry})}));
  TrialMark mark{std::string(slot), now.mark.parked};
  std::erase(mark.parked, slot);
  return set_mark(now, std::move(mark));
}

// BootOrder is the switch. A slot that waits for its trial would go before it, and is given up.
Result<> UefiControl::commit(std::string_view slot) {
  TRY(known(slot));
  Firmware now = TRY(look_at_sound());
  const std::uint16_t entry = TRY(entry_for(now, slot));
  if (now.next != entry) TRY(drop_next(now));
  std::vector<std::uint16_t> order = now.order;
  const auto first = std::ranges::find_if(order, [&now](std::uint16_t number) { return now.slot_of(number).has_value(); });
  const auto before = first - order.begin();
  std::erase(order, entry);
  order.insert(order.begin() + before, entry);
  if (order != now.order) TRY(set_order(now, std::move(order)));
  TRY(drop_next(now));
  TrialMark mark{"", now.mark.parked};
  std::erase(mark.parked, slot);
  return set_mark(now, std::move(mark));
}

// Of a slot on trial BootNext is the switch, of a committed one BootOrder, of one that used up its try the mark.
Result<> UefiControl::mark_bad(std::string_view slot) {
  TRY(known(slot));
  Firmware now = TRY(look_at_sound());
  TRY(with_bad(state_of(now), slot));
  TrialMark mark = now.mark;
  if (mark.first == slot) mark.first.clear();
  std::erase(mark.parked, slot);
  mark.parked.emplace_back(slot);
  TRY(set_mark(now, std::move(mark)));
  if (now.next && now.is_of(*now.next, slot)) TRY(drop_next(now));
  return take_out_of_order(now, slot);
}

Result<> UefiControl::rebuild(std::string_view booted) {
  TRY(known(booted));
  Firmware now;
  if (auto found = look()) now = *std::move(found);
  const std::uint16_t entry = TRY(entry_for(now, booted));
  TRY(drop_next(now));
  std::vector<std::uint16_t> order{entry};
  for (const std::uint16_t number : now.order) {
    if (number != entry && !now.slot_of(number)) order.push_back(number);
  }
  TRY(set_order(now, std::move(order)));
  return set_mark(now, {});
}

Result<std::vector<std::string>> UefiControl::examine(Probe probe) {
  TRY(variables_->check_writable());
  Firmware now = TRY(look_at_sound());
  std::vector<std::string> weak;
  for (const UefiSlot& slot : slots_) {
    std::string found;
    for (const auto& [number, name] : now.entries) {
      if (name == slot.name) found += (found.empty() ? "" : ", ") + boot_entry_name(number);
    }
    if (found.contains(','))
      weak.push_back("slot " + slot.name + " has several boot entries \"" + slot.label + "\" (" + found +
                     "), which may start different things; delete all but the one that is right (efibootmgr -b NUMBER -B)");
    if (!found.empty()) continue;
    const std::string what = "slot " + slot.name + " has no boot entry \"" + slot.label + "\"";
    if (!slot.make)
      return fail(kBootSetting, what +
                                    ", and an update to it could not be armed; make it with efibootmgr, or set boot.partitions, "
                                    "boot.files and boot.arguments");
    TRY(slot.make());
  }
  if (!now.order.empty() && !now.slot_of(now.order.front()))
    weak.push_back("the firmware tries another system first (" + boot_entry_name(now.order.front()) +
                   "); put this device's entries first in the boot order unless that is meant");
  if (now.next && !now.slot_of(*now.next))
    weak.push_back("another system is to be started once at the next boot (" + boot_entry_name(*now.next) + " in BootNext)");
  if (probe == Probe::rewrite) TRY(variables_->write(kTrialVariable, {kEfiKept, format_trial_mark(now.mark)}));
  return weak;
}

}  // namespace aloft::boot
