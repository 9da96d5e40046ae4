// For tests: an eMMC with two boot areas, and the files that Linux shows of it.
#pragma once

#include <linux/mmc/ioctl.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>

#include "base/file.hpp"
#include "crypto/test_pki.hpp"
#include "storage/emmc.hpp"
#include "storage/sim_disk.hpp"

namespace aloft::storage::test {

// Understands the two commands as JESD84-B51 has them, and refuses others. Registers change whole and at once, boot areas as a disk does.
class SimCard final : public SimMedium {
 public:
  static constexpr std::size_t kAreaBytes = 256 << 10;
  static constexpr unsigned kBootEnable = 0x38;

  SimCard(Power& power, std::uint8_t partition_config) : power_(&power), areas_{{{power, kAreaBytes}, {power, kAreaBytes}}} {
    csd_[kPartitionConfig] = partition_config;
  }

  int command(unsigned long request, void* argument) {
    auto& command = *static_cast<mmc_ioc_cmd*>(argument);
    if (request == MMC_IOC_CMD && command.opcode == 8 && command.write_flag == 0 && command.blksz == csd_.size() && command.blocks == 1) {
      std::ranges::copy(csd_, reinterpret_cast<std::uint8_t*>(command.data_ptr));  // NOLINT(performance-no-int-to-ptr)
      return 0;
    }
    if (request == MMC_IOC_CMD && command.opcode == 6 && command.write_flag == 1 && command.arg >> 24U == 3) {
      ++switches;
      if (power_->goes_now()) throw PowerLost();
      if (!stubborn) csd_.at((command.arg >> 16U) & 0xffU) = static_cast<std::uint8_t>(command.arg >> 8U);
      if (power_->goes_now()) throw PowerLost();
      return 0;
    }
    errno = EINVAL;
    return -1;
  }
  SimDisk& area(unsigned place) { return areas_.at(place); }
  std::uint8_t partition_config() const { return csd_[kPartitionConfig]; }
  // What the ROM starts.
  SimDisk& enabled() { return area((partition_config() & kBootEnable) >> 3U == 2 ? 1 : 0); }

  std::size_t outcomes(Effort effort) const override { return areas_[0].outcomes(effort) * areas_[1].outcomes(effort); }
  void settle(std::size_t outcome, Effort effort, std::uint64_t seed) override {
    const std::size_t of_first = areas_[0].outcomes(effort);
    areas_[0].settle(outcome % of_first, effort, seed);
    areas_[1].settle(outcome / of_first, effort, seed);
  }
  void settle_kept() override {
    for (SimDisk& area : areas_) area.settle_kept();
  }
  void add_to(Fingerprint& fingerprint) const override {
    for (const SimDisk& area : areas_) area.add_to(fingerprint);
    fingerprint.add(partition_config());
  }

  unsigned switches = 0;
  bool stubborn = false;

 private:
  static constexpr std::size_t kPartitionConfig = 179;
  Power* power_;
  std::array<SimDisk, 2> areas_;
  std::array<std::uint8_t, 512> csd_{};
};

// Linux with a card: its device, its boot areas, and their force_ro, which is 1 at each start.
class CardHost {
 public:
  CardHost() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-emmc-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(device()) << "card";
    for (const unsigned place : {0U, 1U}) std::filesystem::create_directories(lock_file(place).parent_path());
  }
  CardHost(const CardHost&) = delete;
  CardHost& operator=(const CardHost&) = delete;
  ~CardHost() { std::filesystem::remove_all(folder_); }

  // As after a start of the machine. The card must outlive it.
  EmmcPair pair(SimCard& card) {
    for (const unsigned place : {0U, 1U}) std::ofstream(lock_file(place)) << "1";
    const auto command = [&card](int, unsigned long request, void* argument) { return card.command(request, argument); };
    const auto open = [this, &card](const std::filesystem::path& path) -> Result<std::unique_ptr<BlockDevice>> {
      const unsigned place = path == area_file(0) ? 0 : 1;
      return std::make_unique<Area>(card.area(place), [this, place] { return lock(place); });
    };
    return {device(), command, folder_ / "sys", open};
  }
  std::filesystem::path device() const { return folder_ / "mmcblk0"; }
  std::string lock(unsigned place) const { return crypto::test::must(read_file(lock_file(place))); }

 private:
  // Linux lets nobody write to a boot area whose force_ro is not 0.
  class Area final : public BlockDevice {
   public:
    Area(SimDisk& disk, std::function<std::string()> lock) : disk_(disk), lock_(std::move(lock)) {}
    std::uint64_t size_bytes() const override { return disk_.size_bytes(); }
    Result<> read(std::uint64_t offset, MutableByteView buffer) override { return disk_.read(offset, buffer); }
    Result<> write(std::uint64_t offset, ByteView bytes) override {
      if (lock_() != "0") return fail(system_error("writing", "boot area", EROFS));
      return disk_.write(offset, bytes);
    }
    Result<> flush() override { return disk_.flush(); }

   private:
    SimDisk& disk_;
    const std::function<std::string()> lock_;
  };
  std::filesystem::path area_file(unsigned place) const { return device().string() + "boot" + std::to_string(place); }
  std::filesystem::path lock_file(unsigned place) const { return folder_ / "sys" / area_file(place).filename() / "force_ro"; }
  std::filesystem::path folder_;
};

}  // namespace aloft::storage::test
