#include "storage/device_name.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <vector>

#include "base/file.hpp"
#include "base/ubi.hpp"
#include "storage/errors.hpp"
#include "storage/file_device.hpp"
#include "storage/gpt.hpp"

namespace aloft::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLabel = "partlabel:";
constexpr std::string_view kUuid = "partuuid:";
constexpr std::string_view kDisk = "disk:";
constexpr std::string_view kMtd = "mtd:";
constexpr std::uint64_t kMaxUevent = 4096;

struct Partition {
  std::string name;    // sda1
  std::string disk;    // sda
  std::string label;   // PARTNAME
  std::string number;  // PARTN
};

std::vector<Partition> partitions(const DeviceTree& tree) {
  std::vector<Partition> found;
  std::error_code ignored;
  for (const auto& one : fs::directory_iterator(tree.sysfs, ignored)) {
    const auto uevent = parse_uevent(read_file(one.path() / "uevent", kMaxUevent).value_or(""));
    const auto number = uevent.find("PARTN");
    if (number == uevent.end()) continue;
    const fs::path real = fs::canonical(one.path(), ignored);
    const auto label = uevent.find("PARTNAME");
    found.push_back({one.path().filename(), real.parent_path().filename(), label == uevent.end() ? "" : label->second, number->second});
  }
  return found;
}

// As the disk's own table has it; free where that cannot be read.
GptEntry entry_of(const Partition& partition, const DeviceTree& tree) {
  const auto disk = FileDevice::open(tree.dev / partition.disk, Claim::shared);
  if (!disk) return {};
  const auto gpt = Gpt::read(**disk);
  std::size_t number = 0;
  std::from_chars(partition.number.data(), partition.number.data() + partition.number.size(), number);
  if (!gpt || number < 1 || number > gpt->entry_count()) return {};
  return gpt->entry(number - 1);
}

// The kernel says the name of those that it found itself, not of those that it was told of.
std::string label_of(const Partition& partition, const DeviceTree& tree) {
  return partition.label.empty() ? entry_of(partition, tree).name : partition.label;
}

std::string lower(std::string_view text) {
  std::string made(text);
  std::ranges::transform(made, made.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return made;
}

// mtd3ro is mtd3 for reading only.
std::vector<fs::path> mtd_devices(std::string_view name, const DeviceTree& tree) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& one : fs::directory_iterator(tree.mtd, ignored)) {
    const std::string entry = one.path().filename();
    if (!entry.starts_with("mtd") || entry.ends_with("ro")) continue;
    const auto text = read_file(one.path() / "name", kMaxUevent);
    if (text && text->substr(0, text->find('\n')) == name) found.push_back(tree.dev / entry);
  }
  return found;
}

Result<std::vector<fs::path>> ubi_devices(const UbiName& name, const DeviceTree& tree) {
  std::vector<fs::path> found;
  for (const UbiPlace& place : TRY(find_ubi_volumes(name, {.sysfs = tree.ubi, .dev = tree.dev})))
    found.push_back(tree.dev / ("ubi" + std::to_string(place.device) + "_" + std::to_string(place.volume.id)));
  return found;
}

std::vector<fs::path> partition_devices(std::string_view text, const DeviceTree& tree) {
  std::vector<fs::path> matches;
  const auto hash = text.rfind('#');
  std::error_code ignored;
  const std::string disk =
      text.starts_with(kDisk) ? fs::weakly_canonical(text.substr(kDisk.size(), hash - kDisk.size()), ignored).filename().string() : "";
  for (const Partition& one : partitions(tree)) {
    const bool same = text.starts_with(kLabel)  ? label_of(one, tree) == text.substr(kLabel.size())
                      : text.starts_with(kUuid) ? to_text(entry_of(one, tree).id) == lower(text.substr(kUuid.size()))
                                                : one.disk == disk && one.number == text.substr(hash + 1);
    if (same) matches.push_back(tree.dev / one.name);
  }
  return matches;
}

Result<std::vector<fs::path>> devices(std::string_view text, const DeviceTree& tree) {
  if (text.starts_with(kMtd)) return mtd_devices(text.substr(kMtd.size()), tree);
  if (const auto volume = parse_ubi_name(text)) return ubi_devices(*volume, tree);
  return partition_devices(text, tree);
}

}  // namespace

std::map<std::string, std::string> parse_uevent(std::string_view text) {
  std::map<std::string, std::string> values;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (const auto equals = line.find('='); equals != std::string_view::npos)
      values[std::string(line.substr(0, equals))] = line.substr(equals + 1);
  }
  return values;
}

bool is_device_name(std::string_view text) {
  if (text.starts_with(kMtd)) return text.size() > kMtd.size();
  if (!text.starts_with('/') && parse_ubi_name(text)) return true;
  if (text.starts_with(kLabel)) return text.size() > kLabel.size();
  if (text.starts_with(kUuid)) return text.size() > kUuid.size();
  if (!text.starts_with(kDisk)) return text.starts_with('/');
  const auto hash = text.rfind('#');
  if (text.substr(kDisk.size(), 1) != "/" || hash == std::string_view::npos) return false;
  const std::string_view number = text.substr(hash + 1);
  return !number.empty() && number.size() <= 3 && std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
}

Result<fs::path> find_device(std::string_view text, const DeviceTree& tree) {
  if (text.starts_with('/')) return fs::path(text);
  const std::vector<fs::path> matches = TRY(devices(text, tree));
  if (matches.size() == 1) return matches.front();
  if (matches.empty())
    return fail(kNoPartition, "there is no " + std::string(text) +
                                  "; check the slot in system.toml, and the disk's partition table or the flash's partitions");
  return fail(kNoPartition,
              std::string(text) + " names " + matches[0].string() + " and " + matches[1].string() + "; give each one a name of its own");
}

fs::path block_device_over(const fs::path& device) {
  const std::string name = device.filename();
  for (const std::string_view kind : {"ubi", "mtd"}) {
    if (name.size() > kind.size() && name.starts_with(kind) && name[kind.size()] >= '0' && name[kind.size()] <= '9')
      return device.parent_path() / (std::string(kind) + "block" + name.substr(kind.size()));
  }
  return device;
}

}  // namespace aloft::storage
