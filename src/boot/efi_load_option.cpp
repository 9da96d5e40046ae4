#include "boot/efi_load_option.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "boot/errors.hpp"
#include "boot/utf16.hpp"

namespace aloft::boot {
namespace {

constexpr std::size_t kHeadBytes = 6;
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

std::uint16_t le16(std::string_view data, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(data[at]) | (static_cast<unsigned char>(data[at + 1]) << 8));
}

void add_le16(std::string& out, std::size_t value) {
  out += static_cast<char>(value & 0xff);
  out += static_cast<char>((value >> 8) & 0xff);
}

void add_le(std::string& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

// Head of a device path node: type, sub-type, length with the head's four bytes.
void add_node(std::string& out, std::uint8_t type, std::uint8_t sub_type, std::string_view body) {
  out += static_cast<char>(type);
  out += static_cast<char>(sub_type);
  add_le16(out, body.size() + 4);
  out += body;
}

// Behind the label's terminating zero, or nothing where it has none.
std::optional<std::size_t> end_of_label(std::string_view data) {
  for (std::size_t at = kHeadBytes; at + 1 < data.size(); at += 2) {
    if (data[at] == '\0' && data[at + 1] == '\0') return at + 2;
  }
  return std::nullopt;
}

}  // namespace

Result<LoadOption> parse_load_option(std::string_view data) {
  const auto path = data.size() < kHeadBytes ? std::nullopt : end_of_label(data);
  if (!path) return fail(kBootStateCorrupt, "a boot entry of the firmware has no label that ends");
  const std::size_t path_bytes = le16(data, 4);
  if (path_bytes > data.size() - *path) return fail(kBootStateCorrupt, "a boot entry of the firmware ends within its device path");
  LoadOption option;
  option.attributes = load_le32(as_bytes(data).first(4));
  option.label = from_utf16le(data.substr(kHeadBytes, *path - kHeadBytes));
  option.device_path = data.substr(*path, path_bytes);
  option.optional_data = data.substr(*path + path_bytes);
  return option;
}

std::string format_load_option(const LoadOption& option) {
  std::string data;
  add_le(data, option.attributes, 4);
  add_le16(data, option.device_path.size());
  data += to_utf16le(option.label);
  add_le16(data, 0);
  return data + option.device_path + option.optional_data;
}

std::string file_device_path(const PartitionPlace& partition, std::string_view file) {
  std::string drive;  // section 10.3.5.1
  add_le(drive, partition.number, 4);
  add_le(drive, partition.start, 8);
  add_le(drive, partition.size, 8);
  for (const std::uint8_t byte : partition.guid) drive += static_cast<char>(byte);
  drive += "\x02\x02";  // a GPT, and a GUID as its signature
  std::string name(file);
  std::ranges::replace(name, '/', '\\');
  std::string units = to_utf16le(name);
  add_le16(units, 0);

  std::string path;
  add_node(path, 4, 1, drive);
  add_node(path, 4, 4, units);
  add_node(path, 0x7f, 0xff, "");
  return path;
}

std::optional<std::uint16_t> boot_entry_number(std::string_view variable) {
  if (variable.size() != 8 || !variable.starts_with("Boot")) return std::nullopt;
  unsigned number = 0;
  for (const char c : variable.substr(4)) {
    const std::size_t digit = kHexDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    number = number * 16 + static_cast<unsigned>(digit);
  }
  return static_cast<std::uint16_t>(number);
}

std::string boot_entry_name(std::uint16_t number) {
  std::string name = "Boot";
  for (int shift = 12; shift >= 0; shift -= 4) name += kHexDigits[(unsigned{number} >> shift) & 0xfU];
  return name;
}

Result<std::vector<std::uint16_t>> parse_boot_numbers(std::string_view data) {
  if (data.size() % 2 != 0) return fail(kBootStateCorrupt, "the firmware's boot order has half a number at its end");
  std::vector<std::uint16_t> numbers;
  for (std::size_t at = 0; at < data.size(); at += 2) numbers.push_back(le16(data, at));
  return numbers;
}

std::string format_boot_numbers(const std::vector<std::uint16_t>& numbers) {
  std::string data;
  for (const std::uint16_t number : numbers) add_le16(data, number);
  return data;
}

}  // namespace aloft::boot
