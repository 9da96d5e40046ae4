#include "storage/flash_slot.hpp"

#include <map>
#include <sstream>

#include "base/file.hpp"
#include "base/flash.hpp"
#include "storage/errors.hpp"
#include "storage/flash_content.hpp"
#include "storage/flash_target.hpp"
#include "storage/ubi_pair.hpp"

namespace aloft::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxAttribute = 256;

// "3" of /dev/mtd3.
std::string mtd_number(const fs::path& device) {
  const std::string name = device.filename();
  return name.starts_with("mtd") ? name.substr(3) : "";
}

}  // namespace

Result<> check_mtd_unused(const fs::path& device, const FlashTree& tree) {
  const std::string number = mtd_number(device);
  const auto busy = [&](const std::string& by) {
    return fail(kDeviceBusy, device.string() + " is in use (" + by + "), so it is not written; check the groups in system.toml");
  };
  std::error_code none;
  for (const auto& one : fs::directory_iterator(tree.ubi, none)) {
    const auto attached = read_file(one.path() / "mtd_num", kMaxAttribute);
    if (attached && attached->substr(0, attached->find('\n')) == number) return busy("by UBI, " + one.path().filename().string());
  }
  std::istringstream mounts(TRY(read_file(tree.mounts)));
  for (std::string line; std::getline(mounts, line);) {
    const std::string source = line.substr(0, line.find(' '));
    if (source == "mtd" + number || source == "/dev/mtdblock" + number) return busy("it is mounted");
  }
  return {};
}

Result<std::unique_ptr<StreamTarget>> mtd_target(const fs::path& device) {
  TRY(check_mtd_unused(device));
  return std::make_unique<FlashTarget>(TRY(MtdFlash::open(device, MtdFlash::Use::write)), device.string());
}

Result<FlashSpace> mtd_space(const fs::path& device) {
  const auto flash = TRY(MtdFlash::open(device, MtdFlash::Use::look));
  const FlashContent content = TRY(FlashContent::open(*flash));
  const Flash::Geometry& geometry = flash->geometry();
  return FlashSpace{.size_bytes = geometry.size_bytes,
                    .good_bytes = content.size_bytes(),
                    .blocks = geometry.size_bytes / geometry.block_bytes,
                    .bad_blocks = content.bad_blocks()};
}

Result<UbiPlace> ubi_slot_volume(const fs::path& device, const UbiTree& tree) {
  const auto name = parse_ubi_name(device.string());
  if (!name) return fail(kUbi, device.string() + " is no UBI volume; those are /dev/ubi0_0, /dev/ubi0_1, ..., or ubi:NAME");
  const std::vector<UbiPlace> found = TRY(find_ubi_volumes(*name, tree));
  if (found.size() == 1) return found.front();
  return fail(kUbi, "there is no UBI volume " + device.string() + "; attach its flash (ubi.mtd= on the kernel's command line) and make it");
}

Result<std::unique_ptr<StreamTarget>> ubi_target(const fs::path& device, UbiContent content) {
  const UbiPlace place = TRY(ubi_slot_volume(device));
  return std::make_unique<UbiTarget>(std::make_unique<KernelUbi>(place.device), place.volume.name, content);
}

Result<std::unique_ptr<StreamTarget>> ubi_pair_target(const fs::path& device) {
  const UbiPlace place = TRY(ubi_slot_volume(device));
  return ubi_second_target(std::make_unique<KernelUbi>(place.device), place.volume.name);
}

Result<> switch_ubi_pairs(std::span<const UbiDue> due) {
  std::map<int, std::vector<UbiSwitch>> by_device;
  for (const UbiDue& one : due) {
    const UbiPlace place = TRY(ubi_slot_volume(one.device));
    by_device[place.device].push_back({place.volume.name, one.content});
  }
  for (const auto& [device, switches] : by_device) {
    KernelUbi ubi(device);
    TRY(switch_ubi(ubi, switches));
  }
  return {};
}

}  // namespace aloft::storage
