#include "boot/tryboot.hpp"

#include <algorithm>
#include <charconv>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "boot/errors.hpp"
#include "boot/order.hpp"

namespace aloft::boot {
namespace {

constexpr std::string_view kGoodWord = "good";
constexpr std::string_view kArgument = "0 tryboot";

std::string word_of(const SlotState& slot) {
  if (slot.health == SlotHealth::committed) return std::string(kGoodWord);
  return std::to_string(slot.health == SlotHealth::trial ? slot.tries_left : 0);
}

// What is neither is bad.
SlotState slot_of(std::string name, std::string_view word) {
  if (word == kGoodWord) return {std::move(name), SlotHealth::committed, 0};
  const bool counts = word.size() == 1 && word[0] >= '1' && word[0] <= '9';
  if (counts) return {std::move(name), SlotHealth::trial, static_cast<unsigned>(word[0] - '0')};
  return {std::move(name), SlotHealth::bad, 0};
}

const SlotState* first_committed(const BootState& state) {
  const auto found = std::ranges::find(state.order, SlotHealth::committed, &SlotState::health);
  return found == state.order.end() ? nullptr : &*found;
}

std::unexpected<Error> corrupt(const std::string& why) {
  return fail(kBootStateCorrupt, "autoboot.txt " + why + "; it has to be written anew");
}

// A device tree's number of four bytes, the highest first. Nothing where it is not there.
Result<std::optional<std::uint32_t>> tree_number(const std::filesystem::path& file) {
  const auto bytes = read_file(file, 64);
  if (!bytes && bytes.error().code.number == kNotFound.number) return std::nullopt;
  if (!bytes) return fail(bytes.error());
  if (bytes->size() != 4) return std::nullopt;
  std::uint32_t value = 0;
  for (const char byte : *bytes) value = (value << 8) | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

// The comment says what the slots are; the sections say what the firmware does. Without a comment (the factory's file) the slot that
// boots is committed and the others are bad; where the two contradict each other, somebody else has changed the file.
Result<BootState> TrybootControl::state_of(const Autoboot& content) const {
  const auto usual = std::ranges::find_if(facts_.partitions, [&](const auto& slot) { return slot.second == content.usual; });
  if (usual == facts_.partitions.end()) return corrupt("starts partition " + std::to_string(content.usual) + ", which is no slot's");
  if (!content.comment) return rebuilt(slots(), usual->first);
  std::map<std::string, SlotState> said;
  std::string order;
  for (const std::string& word : words(*content.comment)) {
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string name = word.substr(0, equals);
    order += name + " ";
    said.emplace(name, slot_of(name, std::string_view(word).substr(std::min(equals + 1, word.size()))));
  }
  const BootState state = TRY(ordered(order, slots(), [&said](const std::string& name) { return said.at(name); }));
  const SlotState* const good = first_committed(state);
  if (good == nullptr || good->name != usual->first) return corrupt("starts another slot than its comment says");
  return state;
}

Autoboot TrybootControl::content_of(const BootState& state) const {
  Autoboot content;
  std::string comment;
  for (const SlotState& slot : state.order) {
    comment += (comment.empty() ? "" : " ") + slot.name + "=" + word_of(slot);
  }
  content.comment = comment;
  content.usual = facts_.partitions.at(first_committed(state)->name);
  // The one on trial; or the one whose last try has been used up by the restart that is under way.
  content.once = facts_.partitions.at(state.order.front().name);
  return content;
}

Result<BootState> TrybootControl::load() {
  const auto file = autoboot_->read();
  if (!file && file.error().code.number == kNotFound.number) return corrupt("is missing: " + file.error().message);
  if (!file) return fail(file.error());
  return state_of(TRY(parse_autoboot(*file)));
}

Result<> TrybootControl::store(const BootState& state) {
  const SlotState* const good = first_committed(state);
  if (good == nullptr) return fail(kNoOtherSlot, "autoboot.txt must start a committed slot, and none would be left");
  const std::string file = TRY(format_autoboot(content_of(state)));
  const auto before = autoboot_->read();
  TRY(before && before->size() == file.size() ? autoboot_->write(0, file) : autoboot_->create(file));
  if (TRY(autoboot_->read()) != file) return fail(kBootStateWrite, "autoboot.txt reads back differently than it was written");
  return {};
}

// What the firmware tells Linux: /chosen/bootloader/partition (Raspberry Pi documentation, "Bootloader properties in /chosen").
Result<std::optional<std::string>> TrybootControl::booted() {
  const auto partition = TRY(tree_number(facts_.device_tree / "chosen/bootloader/partition"));
  if (!partition) return std::nullopt;
  for (const auto& [slot, number] : facts_.partitions) {
    if (number == *partition) return slot;
  }
  return std::nullopt;
}

Result<std::optional<std::string>> TrybootControl::restart_argument() {
  BootState state = TRY(load());
  SlotState& first = state.order.front();
  if (first.health != SlotHealth::trial || first.tries_left == 0) return std::nullopt;
  if (--first.tries_left == 0) first.health = SlotHealth::bad;
  TRY(store(state));
  return std::string(kArgument);
}

Result<std::vector<std::string>> TrybootControl::examine(Probe probe) {
  TRY(autoboot_->check_writable());
  const BootState state = TRY(load());
  std::vector<std::string> weak;
  if (TRY(autoboot_->read()).size() != kAutobootBytes)
    weak.push_back("autoboot.txt has not the 512 bytes of a whole sector: the first change replaces the file, which a power cut can undo");
  if (!TRY(booted())) weak.push_back("the firmware does not say which partition it started; update the boot EEPROM");
  if (probe == Probe::rewrite) TRY(store(state));
  return weak;
}

Result<std::unique_ptr<BootControl>> open_tryboot(const Settings& settings, std::vector<std::string> slots) {
  TrybootFacts facts;
  facts.device_tree = settings.text("device_tree");
  for (const std::string& slot : slots) {
    const std::string digits = settings.of_slot("partitions", slot);
    std::uint32_t number = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || number < 1 || number > 63)
      return fail(kBootSetting,
                  "boot.partitions must give the number of slot " + slot + "'s FAT partition, 1 to 63, not \"" + digits + "\"");
    for (const auto& [other, taken] : facts.partitions)
      if (taken == number) return fail(kBootSetting, "slots " + other + " and " + slot + " have the same partition " + digits);
    facts.partitions[slot] = number;
  }
  return std::make_unique<TrybootControl>(std::make_unique<FileRegion>(settings.text("autoboot"), 0, kAutobootBytes), std::move(slots),
                                          std::move(facts));
}

}  // namespace aloft::boot
