// Boot loader entries as systemd-boot reads and counts them (UAPI.1 Boot Loader Specification, type #1; systemd, "Automatic Boot
// Assessment"): what is in loader/entries/NAME+LEFT-DONE.conf.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aloft::boot {

inline constexpr std::size_t kMostEntryBytes = 4096;

// The keys that systemd-boot finds in an entry or in loader.conf, in order: the first word of each line that has another one and is no
// comment, whatever blanks stand before and between them.
struct EntryKey {
  std::string name;
  std::size_t line_end = 0;  // where its line ends
};
std::vector<EntryKey> keys_of(std::string_view file);

// "aloft-B+2-1.conf" is {"aloft-B", 2, 1}; without counters it is not counted.
struct EntryName {
  std::string base;
  std::optional<unsigned> left;
  unsigned done = 0;
  bool operator==(const EntryName&) const = default;
};
// Nothing for a name that does not end in .conf. Counters are what systemd-boot takes for such: behind the last '+', up to the end.
std::optional<EntryName> parse_entry_name(std::string_view file);
std::string format_entry_name(const EntryName& name);

// An entry of ours: what the integrator wants started, in the order that the generation gives, guarded by a checksum over its slot and all
// that follows its line. What changes with the generation, and what is started (efi or linux), lies in the first sector: without that
// sector systemd-boot passes the file over, and one write of it changes the order.
//   #aloft B 89abcdef
//   sort-key aloft
//   version 000007
//   title Gateway, slot B
//   efi /aloft/b/linux.efi
//   options root=PARTLABEL=rootfs-b aloft.slot=B
struct Entry {
  std::string slot;
  std::uint32_t generation = 0;  // the highest is started first
  std::string body;              // lines as the integrator wrote them, each with its newline
  bool operator==(const Entry&) const = default;
};

// Errors: kBootStateCorrupt for what is not such an entry, whole and unchanged.
Result<Entry> parse_entry(std::string_view file);
// Filled up with newlines to whole sectors of 512 bytes. Errors: kBootSetting for a body with keys of ours or without efi and linux, one
// whose efi or linux line does not end within the first sector, and one that is too long.
Result<std::string> format_entry(const Entry& entry);

}  // namespace aloft::boot
