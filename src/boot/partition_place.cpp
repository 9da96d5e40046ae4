#include "boot/partition_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>

#include "base/file.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

constexpr std::size_t kMostEntries = 128;
constexpr std::size_t kEntryBytes = 128;
constexpr std::size_t kMostHeadBytes = 64 << 10;

std::uint64_t le64(std::string_view bytes, std::size_t at) { return load_le64(as_bytes(bytes).subspan(at, 8)); }
std::uint32_t header_number(std::string_view bytes, std::size_t at) { return load_le32(as_bytes(bytes).subspan(at, 4)); }

Result<std::uint64_t> number_in(const std::filesystem::path& file) {
  const std::string text = TRY(read_file(file, 64));
  std::uint64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc()) return value;
  return fail(kBootSetting, file.string() + " holds no number");
}

}  // namespace

Result<PartitionPlace> place_in_gpt(std::string_view head, std::uint32_t number, std::size_t block_bytes) {
  const auto missing = [number](std::string_view why) {
    return fail(kBootSetting, "the disk's GPT has no partition " + std::to_string(number) + ": " + std::string(why));
  };
  if (head.size() < 2 * block_bytes || block_bytes < 512) return missing("it is too short");
  const std::string_view header = head.substr(block_bytes, block_bytes);
  if (!header.starts_with("EFI PART")) return missing("there is no GPT");
  const std::uint64_t table = le64(header, 72);
  const std::uint32_t entries = header_number(header, 80);
  const std::uint32_t entry_bytes = header_number(header, 84);
  if (number < 1 || number > std::min<std::size_t>(entries, kMostEntries) || entry_bytes < kEntryBytes || entry_bytes > 4096)
    return missing("it has " + std::to_string(entries) + " entries");
  const std::uint64_t at = table * block_bytes + std::uint64_t{number - 1} * entry_bytes;
  if (table > kMostHeadBytes || at + kEntryBytes > head.size()) return missing("its entries lie elsewhere");
  const std::string_view entry = head.substr(at, kEntryBytes);
  PartitionPlace place{.number = number, .start = le64(entry, 32), .size = le64(entry, 40) - le64(entry, 32) + 1};
  for (std::size_t i = 0; i < place.guid.size(); ++i) place.guid[i] = static_cast<std::uint8_t>(entry[16 + i]);
  if (place.start == 0 || place.size == 0) return missing("its entry is empty");
  return place;
}

Result<PartitionPlace> partition_place(const std::filesystem::path& device) {
  struct stat found{};
  if (::stat(device.c_str(), &found) != 0) return fail(system_error("looking for the partition", device, errno));
  const std::filesystem::path shown = "/sys/dev/block/" + std::to_string(major(found.st_rdev)) + ":" + std::to_string(minor(found.st_rdev));
  std::error_code problem;
  const std::filesystem::path place = std::filesystem::canonical(shown, problem);
  const auto number = number_in(place / "partition");
  if (!S_ISBLK(found.st_mode) || problem || !number)
    return fail(kBootSetting, device.string() + " is no partition, and a boot entry of the firmware can only name a partition");

  const std::filesystem::path disk = place.parent_path();
  const std::size_t block_bytes = TRY(number_in(disk / "queue/logical_block_size"));
  const Fd fd = TRY(open_file("/dev" / disk.filename(), O_RDONLY));
  std::string head(kMostHeadBytes, '\0');
  head.resize(TRY(read_full_at(fd.get(), std::as_writable_bytes(std::span(head)), 0)));
  const PartitionPlace in_gpt = TRY(place_in_gpt(head, static_cast<std::uint32_t>(*number), block_bytes));
  if (in_gpt.start * block_bytes != TRY(number_in(place / "start")) * 512)
    return fail(kBootSetting, "the kernel and the GPT disagree about where " + device.string() + " starts");
  return in_gpt;
}

}  // namespace aloft::boot
