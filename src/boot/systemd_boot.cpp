#include "boot/systemd_boot.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "boot/errors.hpp"
#include "boot/order.hpp"
#include "boot/region.hpp"
#include "boot/utf16.hpp"

namespace aloft::boot {
namespace {

constexpr std::string_view kLoaderGuid = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

std::string loader_variable(std::string_view name) { return std::string(name) + "-" + std::string(kLoaderGuid); }

// FAT and systemd-boot know no case.
std::string lower(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lowered;
}

}  // namespace

std::optional<std::string> SystemdBootControl::slot_of(const EntryName& name) const {
  for (const std::string& slot : slots_) {
    if (lower(name.base) == lower(prefix_ + slot)) return slot;
  }
  return std::nullopt;
}

Result<SystemdBootControl::Files> SystemdBootControl::look() {
  Files files;
  for (const std::string& file : TRY(seams_.entries->names())) {
    const auto name = parse_entry_name(file);
    const auto slot = name ? slot_of(*name) : std::nullopt;
    if (!slot) continue;
    const std::string content = TRY(seams_.entries->read(file));
    File found{.file = file, .slot = *slot, .name = *name, .size_bytes = content.size(), .entry = {}};
    if (auto entry = parse_entry(content); entry && entry->slot == *slot) found.entry = *std::move(entry);
    files.push_back(std::move(found));
  }
  return files;
}

std::uint32_t SystemdBootControl::newest(const Files& files) {
  std::uint32_t highest = 0;
  for (const File& file : files) {
    if (file.entry) highest = std::max(highest, file.entry->generation);
  }
  return highest;
}

// A slot may have two files after a power cut: one that is not counted decides; of counted ones all tries are to come.
Result<BootState> SystemdBootControl::state_of(const Files& files) const {
  std::vector<std::pair<std::uint32_t, SlotState>> ranked;
  std::vector<SlotState> rest;
  for (const std::string& slot : slots_) {
    std::uint32_t generation = 0;
    unsigned left = 0;
    bool live = false;
    bool committed = false;
    for (const File& file : files) {
      if (file.slot != slot || !file.entry) continue;
      live = true;
      committed = committed || file.is_committed();
      left += file.name.left.value_or(0);
      generation = std::max(generation, file.entry->generation);
    }
    const SlotHealth health = committed ? SlotHealth::committed : left > 0 ? SlotHealth::trial : SlotHealth::bad;
    const SlotState state{slot, health, committed ? 0 : left};
    if (live) {
      ranked.emplace_back(generation, state);
    } else {
      rest.push_back(state);
    }
  }
  // As systemd-boot goes: versions downwards, and names downwards where they are the same.
  std::ranges::sort(ranked, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : lower(a.second.name) > lower(b.second.name);
  });
  const bool any = std::ranges::any_of(ranked, [](const auto& one) { return one.second.health == SlotHealth::committed; });
  if (!any)
    return fail(kBootStateCorrupt, "no slot of this device has a boot entry that is whole and committed; one has to be written anew");
  BootState state;
  for (auto& [generation, slot] : ranked) state.order.push_back(std::move(slot));
  state.order.insert(state.order.end(), rest.begin(), rest.end());
  return state;
}

Result<BootState> SystemdBootControl::read() { return state_of(TRY(look())); }

Result<std::optional<std::string>> SystemdBootControl::booted() {
  const auto selected = TRY(seams_.variables->read(loader_variable("LoaderEntrySelected")));
  const auto name = selected ? parse_entry_name(from_utf16le(selected->data)) : std::nullopt;
  return name ? slot_of(*name) : std::nullopt;
}

Result<> SystemdBootControl::known(std::string_view slot) const {
  if (std::ranges::find(slots_, slot) != slots_.end()) return {};
  return unknown_slot(slot);
}

// What was on trial is what is committed; without that, the template's.
Result<std::string> SystemdBootControl::body_of(const Files& files, const std::string& slot) const {
  for (const File& file : files) {
    if (file.slot == slot && file.entry) return file.entry->body;
  }
  return seams_.body(slot);
}

// The first sector is the switch: it is written last, onto a file that the boot loader has passed over until then.
Result<> SystemdBootControl::make_live(const EntryName& name, const Entry& entry) {
  const std::string file = format_entry_name(name);
  const std::string content = TRY(format_entry(entry));
  TRY(seams_.entries->create_blank(file, content.size()));
  for (std::size_t index = content.size() / kSectorBytes; index-- > 0;)
    TRY(seams_.entries->write_sector(file, index, std::string_view(content).substr(index * kSectorBytes, kSectorBytes)));
  if (TRY(seams_.entries->read(file)) == content) return {};
  // The boot loader knows no checksum, and would start what stands there.
  if (const auto gone = kill(file, content.size()); !gone) log::warning("boot entry: " + gone.error().text());
  return fail(kBootStateWrite, "the boot entry " + file + " reads back differently than it was written");
}

// The same entry, with another place in the order.
Result<> SystemdBootControl::renew(const File& file, std::uint32_t generation) {
  Entry entry = *file.entry;
  entry.generation = generation;
  const std::string content = TRY(format_entry(entry));
  TRY(seams_.entries->write_sector(file.file, 0, std::string_view(content).substr(0, kSectorBytes)));
  if (TRY(seams_.entries->read(file.file)) == content) return {};
  return fail(kBootStateWrite, "the boot entry " + file.file + " reads back differently than it was written");
}

// Blank in place, which is the switch; then the file goes. One that stays behind, blank, is no harm.
Result<> SystemdBootControl::kill(const std::string& file, std::size_t size_bytes) {
  if (size_bytes >= kSectorBytes) {
    const std::string blank(kSectorBytes, '#');
    TRY(seams_.entries->write_sector(file, 0, blank));
    if (!TRY(seams_.entries->read(file)).starts_with(blank))
      return fail(kBootStateWrite, "the boot entry " + file + " reads back differently than it was written");
  }
  if (const auto gone = seams_.entries->remove(file); !gone) log::warning("boot entry: " + gone.error().text());
  return {};
}

Result<> SystemdBootControl::kill_all(const Files& files, std::string_view slot, std::string_view spared) {
  for (const File& file : files) {
    if (file.slot == slot && file.file != spared) TRY(kill(file.file, file.size_bytes));
  }
  return {};
}

// What a power cut has left of ours goes before anything new is made: a name whose clusters are free must not come to show what is
// written into them.
Result<SystemdBootControl::Files> SystemdBootControl::look_and_sweep() {
  Files live;
  for (File& file : TRY(look())) {
    if (file.is_live()) {
      live.push_back(std::move(file));
    } else {
      TRY(seams_.entries->remove(file.file));
    }
  }
  return live;
}

Result<> SystemdBootControl::arm(std::string_view slot, unsigned tries) {
  if (tries < 1 || tries > kTries) return fail(kBadTries, "tries must be 1 to 9, not " + std::to_string(tries));
  TRY(known(slot));
  const Files files = TRY(look_and_sweep());
  TRY(with_bad(TRY(state_of(files)), slot));  // another one must be committed
  const std::string name(slot);
  const std::string body = TRY(seams_.body(name));
  const Entry entry{name, newest(files) + 1, body};
  TRY(format_entry(entry));  // before anything is changed
  TRY(kill_all(files, slot));
  return make_live({prefix_ + name, tries, 0}, entry);
}

Result<> SystemdBootControl::commit(std::string_view slot) {
  TRY(known(slot));
  const Files files = TRY(look_and_sweep());
  const BootState before = TRY(state_of(files));
  const std::string name(slot);
  const std::uint32_t generation = before.order.front().name == slot ? newest(files) : newest(files) + 1;
  const auto committed = std::ranges::find_if(files, [&](const File& file) { return file.slot == slot && file.is_committed(); });
  if (committed != files.end()) {
    if (committed->entry->generation != generation) TRY(renew(*committed, generation));
    return kill_all(files, slot, committed->file);
  }
  const EntryName uncounted{prefix_ + name, std::nullopt, 0};
  const std::string body = TRY(body_of(files, name));
  TRY(make_live(uncounted, {name, generation, body}));
  return kill_all(files, slot, format_entry_name(uncounted));
}

Result<> SystemdBootControl::mark_bad(std::string_view slot) {
  TRY(known(slot));
  const Files files = TRY(look_and_sweep());
  TRY(with_bad(TRY(state_of(files)), slot));
  return kill_all(files, slot);
}

Result<> SystemdBootControl::rebuild(std::string_view booted) {
  TRY(known(booted));
  const Files files = TRY(look_and_sweep());
  const std::string name(booted);
  const EntryName uncounted{prefix_ + name, std::nullopt, 0};
  const std::string body = TRY(body_of(files, name));
  TRY(make_live(uncounted, {name, newest(files) + 1, body}));
  for (const File& file : files) {
    if (file.file != format_entry_name(uncounted)) TRY(kill(file.file, file.size_bytes));
  }
  return {};
}

Result<std::vector<std::string>> SystemdBootControl::examine(Probe probe) {
  TRY(seams_.entries->check_writable());
  const Files files = TRY(look());
  TRY(state_of(files));
  for (const std::string& slot : slots_) {
    const std::string body = TRY(seams_.body(slot));
    TRY(format_entry({slot, newest(files) + 1, body}));
  }
  if (TRY(seams_.variables->read(loader_variable("LoaderEntryDefault"))))
    return fail(kNotCounting,
                "the EFI variable LoaderEntryDefault names the entry to start, so that a slot on trial would not be; "
                "remove it: bootctl set-default \"\"");
  const auto keys = keys_of(TRY(seams_.loader_conf()).value_or(""));
  if (std::ranges::find(keys, "default", &EntryKey::name) != keys.end())
    return fail(kNotCounting, "loader.conf names a default entry, so that a slot on trial would not be started; remove the line");
  std::vector<std::string> weak;
  for (const File& file : files) {
    if (!file.entry) weak.push_back("the boot entry " + file.file + " is torn and is passed over; check the file system (fsck.vfat)");
  }
  if (probe == Probe::rewrite) {
    const auto committed = std::ranges::find_if(files, [](const File& file) { return file.is_committed(); });
    if (committed != files.end()) TRY(renew(*committed, committed->entry->generation));
  }
  return weak;
}

}  // namespace aloft::boot
