#include "storage/emmc.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/mmc/ioctl.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <filesystem>

#include "base/file.hpp"
#include "bundle/test_bundle.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

namespace fs = std::filesystem;
using crypto::test::must;

// A card that understands the two commands as JESD84-B51 has them, and refuses others.
struct FakeCard {
  std::array<std::uint8_t, 512> csd{};
  unsigned switches = 0;
  bool stubborn = false;

  int command(unsigned long request, void* argument) {
    auto& command = *static_cast<mmc_ioc_cmd*>(argument);
    if (request == MMC_IOC_CMD && command.opcode == 8 && command.write_flag == 0 && command.blksz == 512 && command.blocks == 1) {
      std::copy(csd.begin(), csd.end(), reinterpret_cast<std::uint8_t*>(command.data_ptr));
      return 0;
    }
    if (request == MMC_IOC_CMD && command.opcode == 6 && command.write_flag == 1 && command.arg >> 24U == 3) {
      ++switches;
      if (!stubborn) csd.at((command.arg >> 16U) & 0xffU) = static_cast<std::uint8_t>(command.arg >> 8U);
      return 0;
    }
    errno = EINVAL;
    return -1;
  }
};

class EmmcTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "aloft-emmc-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    must(replace_file(folder_ / "mmcblk0", "card"));
    for (const std::string name : {"mmcblk0boot0", "mmcblk0boot1"}) {
      must(replace_file(folder_ / name, std::string(256 << 10, name.back())));
      fs::create_directories(folder_ / "sys" / name);
      must(replace_file(folder_ / "sys" / name / "force_ro", "1"));
    }
    card_.csd[179] = 0x48 | 1;  // BOOT_ACK, the first boot area, access to the first
  }
  void TearDown() override { fs::remove_all(folder_); }
  EmmcPair pair() {
    return {folder_ / "mmcblk0", [this](int, unsigned long request, void* argument) { return card_.command(request, argument); },
            folder_ / "sys"};
  }
  std::string lock(unsigned place) { return must(read_file(folder_ / "sys" / ("mmcblk0boot" + std::to_string(place)) / "force_ro")); }
  FakeCard card_;
  fs::path folder_;
};

TEST_F(EmmcTest, TheOtherAreaIsWrittenUnlockedAndThenSwitchedTo) {
  EmmcPair card = pair();
  EXPECT_EQ(must(card.active()), 0U);
  const Bytes loader = bundle::test::test_content(100'000);
  {
    const auto target = must(card.open(1));
    EXPECT_EQ(lock(1), "0");
    EXPECT_EQ(lock(0), "1");
    must(target->device().write(0, loader));
    must(target->device().flush());
  }
  EXPECT_EQ(lock(1), "1");
  must(switch_pair(card, {crypto::sha256(loader), loader.size()}));
  EXPECT_EQ(card_.csd[179], 0x50 | 1) << "only the boot area's bits change";
  EXPECT_EQ(must(card.active()), 1U);
  must(switch_pair(card, {crypto::sha256(loader), loader.size()}));
  EXPECT_EQ(card_.switches, 1U);
}

TEST_F(EmmcTest, ACardThatDoesNotSwitchIsNoticed) {
  card_.stubborn = true;
  EmmcPair card = pair();
  EXPECT_EQ(card.activate(1).error().code.number, kReadBack.number);
}

TEST_F(EmmcTest, WhatIsNoCardIsSaid) {
  EmmcPair none(folder_ / "mmcblk0boot0", system_ioctl(), folder_ / "sys");
  EXPECT_EQ(none.active().error().code.number, kEmmc.number);
}

}  // namespace
}  // namespace aloft::storage
