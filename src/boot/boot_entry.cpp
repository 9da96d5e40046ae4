#include "boot/boot_entry.hpp"

#include <algorithm>
#include <charconv>

#include "base/bytes.hpp"
#include "base/crc32.hpp"
#include "boot/errors.hpp"
#include "boot/record_control.hpp"
#include "boot/region.hpp"

namespace aloft::boot {
namespace {

constexpr std::string_view kSuffix = ".conf";
constexpr std::string_view kEntryHead = "#aloft ";
constexpr std::string_view kSortLines = "sort-key aloft\nversion ";
constexpr unsigned kMostCount = 999'999;
constexpr std::size_t kVersionDigits = 6;  // always as many: another version moves nothing; systemd-boot passes over zeros before a number

// All of text as a number of tries.
std::optional<unsigned> count_of(std::string_view text) {
  unsigned count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || count > kMostCount) return std::nullopt;
  return count;
}

std::string head_line(std::string_view slot, std::string_view rest) {
  const std::uint32_t crc = crc32(as_bytes(rest), crc32(as_bytes(slot)));
  std::string digits(8, '0');
  for (std::size_t i = 0; i < digits.size(); ++i) digits[i] = "0123456789abcdef"[(crc >> (28 - 4 * i)) & 0xfU];
  return std::string(kEntryHead) + std::string(slot) + " " + digits + "\n";
}

std::unexpected<Error> no_entry(const std::string& why) { return fail(kBootStateCorrupt, "a boot entry " + why); }
std::unexpected<Error> bad_body(const std::string& why) { return fail(kBootSetting, "the template of a boot entry " + why); }

// The body stands behind `head_bytes` of ours.
Result<> check_body(std::string_view body, std::size_t head_bytes) {
  bool starts = false;
  if (body.find('\0') != std::string_view::npos) return bad_body("has a zero byte in it");
  if (!body.ends_with('\n')) return bad_body("does not end with a newline");
  for (const EntryKey& key : keys_of(body)) {
    if (key.name == "sort-key" || key.name == "version") return bad_body("must leave \"" + key.name + "\" to the agent");
    if (key.name == "efi" || key.name == "linux") {
      if (head_bytes + key.line_end >= kSectorBytes) return bad_body("must name what it starts (efi or linux) within its first 400 bytes");
      starts = true;
    }
  }
  return starts ? Result<>() : bad_body("names nothing to start: it needs a line \"efi /...\" or \"linux /...\"");
}

}  // namespace

std::vector<EntryKey> keys_of(std::string_view file) {
  std::vector<EntryKey> keys;
  for (std::size_t at = 0; at < file.size();) {
    const std::size_t end = std::min(file.find_first_of("\r\n", at), file.size());
    const std::vector<std::string> line = words(file.substr(at, end - at));
    if (line.size() > 1 && !line[0].starts_with('#')) keys.push_back({line[0], end});
    at = end + 1;
  }
  return keys;
}

std::optional<EntryName> parse_entry_name(std::string_view file) {
  if (file.size() <= kSuffix.size() || !file.ends_with(kSuffix)) return std::nullopt;
  const std::string_view stem = file.substr(0, file.size() - kSuffix.size());
  const EntryName plain{std::string(stem), std::nullopt, 0};
  const std::size_t plus = stem.rfind('+');
  if (plus == std::string_view::npos) return plain;
  const std::string_view counters = stem.substr(plus + 1);
  const std::size_t dash = std::min(counters.find('-'), counters.size());
  const auto left = count_of(counters.substr(0, dash));
  const auto done = dash == counters.size() ? std::optional(0U) : count_of(counters.substr(dash + 1));
  if (!left || !done) return plain;
  return EntryName{std::string(stem.substr(0, plus)), left, *done};
}

std::string format_entry_name(const EntryName& name) {
  std::string file = name.base;
  if (name.left) file += "+" + std::to_string(*name.left) + (name.done == 0 ? "" : "-" + std::to_string(name.done));
  return file + std::string(kSuffix);
}

Result<Entry> parse_entry(std::string_view file) {
  if (file.size() > kMostEntryBytes) return no_entry("has more than 4096 bytes");
  const std::size_t line = file.find('\n');
  if (!file.starts_with(kEntryHead) || line == std::string_view::npos) return no_entry("is torn, or not the agent's");
  const std::string_view rest = file.substr(line + 1);
  const std::string_view slot = file.substr(kEntryHead.size(), file.find(' ', kEntryHead.size()) - kEntryHead.size());
  if (!file.starts_with(head_line(slot, rest))) return no_entry("does not match its checksum");
  const std::size_t version = rest.find('\n', kSortLines.size());
  if (!rest.starts_with(kSortLines) || version == std::string_view::npos) return no_entry("has no version");
  const auto generation = count_of(rest.substr(kSortLines.size(), version - kSortLines.size()));
  if (!generation) return no_entry("has a version that is no number");
  std::string_view body = rest.substr(version + 1);
  while (body.ends_with("\n\n")) body.remove_suffix(1);
  return Entry{std::string(slot), *generation, std::string(body)};
}

Result<std::string> format_entry(const Entry& entry) {
  if (entry.generation > kMostCount) return fail(kBootStateCorrupt, "the boot entries' versions have come to their end");
  const std::string digits = std::to_string(entry.generation);
  std::string rest = std::string(kSortLines) + std::string(kVersionDigits - digits.size(), '0') + digits + "\n";
  const std::size_t head_bytes = head_line(entry.slot, rest).size() + rest.size();
  TRY(check_body(entry.body, head_bytes));
  rest += entry.body;
  while (rest.ends_with("\n\n")) rest.pop_back();
  const std::size_t head_line_bytes = head_bytes - (rest.find('\n', kSortLines.size()) + 1);
  const std::size_t bytes = (head_line_bytes + rest.size() + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
  if (bytes > kMostEntryBytes) return bad_body("is longer than 4096 bytes");
  rest.resize(bytes - head_line_bytes, '\n');
  return head_line(entry.slot, rest) + rest;
}

}  // namespace aloft::boot
