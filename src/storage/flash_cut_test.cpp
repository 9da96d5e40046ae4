// A power cut at every erase, write and bad-block mark of an update of raw flash, at every piece of a UBI volume's update, and at the
// switch of several volumes; and once more while it is mended. What a boot loader may start must be a complete release, and volumes that
// belong together must be of one.
#include <gtest/gtest.h>

#include "base/log.hpp"
#include "storage/flash_target.hpp"
#include "storage/sim_flash.hpp"
#include "storage/sim_ubi.hpp"
#include "storage/test_flash.hpp"
#include "storage/ubi_pair.hpp"

namespace aloft::storage {
namespace {

using crypto::test::must;

struct Chip {
  const char* name;
  Flash::Geometry geometry;
  void (*wear)(SimFlash&);
};
void PrintTo(const Chip& chip, std::ostream* out) { *out << chip.name; }

constexpr std::uint64_t kBlock = 4096;

// A slot on raw flash, and whether the boot loader may choose it: its durable word for it, which the updater gives once finish() returned.
struct FlashSlot {
  SimFlash medium;
  bool armed = false;
};

class FlashCut : public ::testing::TestWithParam<Chip> {};

TEST_P(FlashCut, WhatIsArmedIsComplete) {
  log::set_level(log::Level::error);
  Power power;
  const Bytes content = bundle::test::test_content(3 * kBlock + 1000, 2);
  FlashSlot fresh{SimFlash(power, GetParam().geometry)};
  fresh.medium.fill(0, bundle::test::test_content(GetParam().geometry.size_bytes, 1));
  GetParam().wear(fresh.medium);
  const auto is_complete = [&](FlashSlot& slot) {
    Bytes there(content.size());
    const auto read = must(FlashContent::open(slot.medium)).read(0, there);
    return read && there == content;
  };
  test::TwoCuts<FlashSlot> search{
      .work =
          [&](FlashSlot& slot) {
            slot.armed = false;
            FlashTarget target(std::make_unique<test::LentFlash>(slot.medium), "slot");
            must(test::stream(target, content));
            slot.armed = true;
          },
      .judge = [&](FlashSlot& slot) { EXPECT_TRUE(!slot.armed || is_complete(slot)); },
      .done = [&](FlashSlot& slot) { return slot.armed && is_complete(slot) && slot.medium.bad_blocks().size() <= 2; }};
  std::printf("%s: %llu crash states\n", GetParam().name, static_cast<unsigned long long>(search.run(power, fresh)));
}

constexpr Flash::Geometry kNand{.size_bytes = 8 * kBlock, .block_bytes = kBlock, .page_bytes = 1024, .is_nand = true};
constexpr Flash::Geometry kNor{.size_bytes = 6 * kBlock, .block_bytes = kBlock, .page_bytes = 1, .is_nand = false};
constexpr Chip kChips[] = {
    {"Nor", kNor, [](SimFlash&) {}},
    {"Nand", kNand, [](SimFlash&) {}},
    {"NandWithBadBlocks", kNand,
     [](SimFlash& flash) {
       flash.set_bad(0);
       flash.set_bad(2 * kBlock);
     }},
    {"NandThatWearsOut", kNand,
     [](SimFlash& flash) {
       flash.wear_out_program(kBlock);
       flash.wear_out_erase(3 * kBlock);
     }},
};
INSTANTIATE_TEST_SUITE_P(Chips, FlashCut, ::testing::ValuesIn(kChips), [](const auto& tested) { return tested.param.name; });

// The search sees what it is there for: without erasing first, or armed before the end, it must fail. The chip itself aborts the first; the
// second is seen by the judge.
TEST(FlashCutSearch, FindsASlotThatIsArmedTooEarly) {
  Power power;
  const Bytes content = bundle::test::test_content(2 * kBlock, 2);
  FlashSlot fresh{SimFlash(power, kNand)};
  unsigned incomplete = 0;
  test::TwoCuts<FlashSlot> search{.work =
                                      [&](FlashSlot& slot) {
                                        slot.armed = true;
                                        FlashTarget target(std::make_unique<test::LentFlash>(slot.medium), "slot");
                                        must(test::stream(target, content));
                                      },
                                  .judge =
                                      [&](FlashSlot& slot) {
                                        Bytes there(content.size());
                                        const auto read = must(FlashContent::open(slot.medium)).read(0, there);
                                        incomplete += read && there == content ? 0U : 1U;
                                      },
                                  .done = [](FlashSlot&) { return true; }};
  search.run(power, fresh);
  EXPECT_GT(incomplete, 0U);
}

constexpr std::uint64_t kUbiBlock = 3968;

// Two groups' root volumes, and two shared slots that must be of one release.
struct UbiDevice {
  SimUbi medium;
  bool armed = false;
};

class UbiCut : public ::testing::Test {
 protected:
  static Bytes release(unsigned number, unsigned part) { return bundle::test::test_content(9000 + 100 * part, 10 * number + part); }
  static bool holds(SimUbi& ubi, const std::string& name, ByteView content) {
    const auto volume = ubi_volume(ubi, name);
    return volume && must(ubi_holds(ubi, *volume, crypto::sha256(content), content.size()));
  }
  static UbiDevice fresh(Power& power) {
    UbiDevice device{SimUbi(power, kUbiBlock, 32)};
    device.medium.add("rootfs-a", 4 * kUbiBlock, UbiKind::dynamic, release(1, 0));
    device.medium.add("rootfs-b", 4 * kUbiBlock, UbiKind::dynamic, {});
    device.medium.add("loader", 4 * kUbiBlock, UbiKind::fixed, release(1, 1));
    device.medium.add("firmware", 4 * kUbiBlock, UbiKind::fixed, release(1, 2));
    return device;
  }
};

TEST_F(UbiCut, AGroupsVolumeIsArmedOnlyWhenItIsComplete) {
  Power power;
  const Bytes content = release(2, 0);
  test::TwoCuts<UbiDevice> search{.work =
                                      [&](UbiDevice& device) {
                                        device.armed = false;
                                        UbiTarget target(std::make_unique<test::LentUbi>(device.medium), "rootfs-b", UbiContent::any);
                                        must(test::stream(target, content, 800));
                                        device.armed = true;
                                      },
                                  .judge =
                                      [&](UbiDevice& device) {
                                        EXPECT_TRUE(holds(device.medium, "rootfs-a", release(1, 0)));
                                        EXPECT_TRUE(!device.armed || holds(device.medium, "rootfs-b", content));
                                      },
                                  .done = [&](UbiDevice& device) { return device.armed && holds(device.medium, "rootfs-b", content); }};
  std::printf("volume: %llu crash states\n", static_cast<unsigned long long>(search.run(power, fresh(power))));
}

// The second volumes are made, written, and switched to after the commit, both by one rename.
TEST_F(UbiCut, SharedVolumesAreOfOneRelease) {
  Power power;
  const auto are_of = [](SimUbi& ubi, unsigned number) {
    return holds(ubi, "loader", release(number, 1)) && holds(ubi, "firmware", release(number, 2));
  };
  const std::vector<UbiSwitch> both{{"loader", {crypto::sha256(release(2, 1)), release(2, 1).size()}},
                                    {"firmware", {crypto::sha256(release(2, 2)), release(2, 2).size()}}};
  test::TwoCuts<UbiDevice> search{.work =
                                      [&](UbiDevice& device) {
                                        if (switch_ubi(device.medium, both)) return;  // written before the cut
                                        for (const unsigned part : {1U, 2U}) {
                                          const auto target = ubi_second_target(std::make_unique<test::LentUbi>(device.medium),
                                                                                part == 1 ? "loader" : "firmware");
                                          must(test::stream(*target, release(2, part), 800));
                                        }
                                        must(switch_ubi(device.medium, both));
                                      },
                                  .judge = [&](UbiDevice& device) { EXPECT_TRUE(are_of(device.medium, 1) || are_of(device.medium, 2)); },
                                  .done = [&](UbiDevice& device) { return are_of(device.medium, 2); }};
  std::printf("two shared volumes: %llu crash states\n", static_cast<unsigned long long>(search.run(power, fresh(power))));
}

// The search sees why it must be one rename.
TEST_F(UbiCut, FindsVolumesThatAreSwitchedOneByOne) {
  Power power;
  unsigned mixed = 0;
  const auto one_by_one = [](UbiDevice& device) {
    for (const auto& [name, part] : {std::pair("loader", 1U), {"firmware", 2U}}) {
      const auto target = ubi_second_target(std::make_unique<test::LentUbi>(device.medium), name);
      const UbiSwitch wanted{name, {crypto::sha256(release(2, part)), release(2, part).size()}};
      if (switch_ubi(device.medium, {&wanted, 1})) continue;
      must(test::stream(*target, release(2, part), 4000));
      must(switch_ubi(device.medium, {&wanted, 1}));
    }
  };
  test::TwoCuts<UbiDevice> search{
      .work = one_by_one,
      .judge =
          [&](UbiDevice& device) {
            mixed += holds(device.medium, "loader", release(2, 1)) && holds(device.medium, "firmware", release(1, 2)) ? 1U : 0U;
          },
      .done = [](UbiDevice&) { return true; }};
  search.run(power, fresh(power));
  EXPECT_GT(mixed, 0U);
}

}  // namespace
}  // namespace aloft::storage
