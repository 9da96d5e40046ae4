#include "bundle/compatibility.hpp"

#include <gtest/gtest.h>

#include "bundle/errors.hpp"

namespace aloft::bundle {
namespace {

TEST(CheckCompatible, EachMismatchHasItsNumber) {
  const Manifest manifest{.product = "gateway",
                          .hardware = {"rev-a", "rev-b"},
                          .version = "2.0",
                          .security_version = 5,
                          .images = {Image{.name = "rootfs", .slot_class = "rootfs", .type = "raw", .size_bytes = 1000}}};
  const DeviceFacts good{.product = "gateway", .hardware = "rev-b", .security_floor = 5, .slots = {{"rootfs", {"raw", 1000}}}};
  EXPECT_TRUE(check_compatible(manifest, good));
  const auto with = [&](auto change) {
    DeviceFacts facts = good;
    change(facts);
    const auto result = check_compatible(manifest, facts);
    return result ? 0 : result.error().code.number;
  };
  EXPECT_EQ(with([](auto& d) { d.product = "camera"; }), kWrongProduct.number);
  EXPECT_EQ(with([](auto& d) { d.hardware = "rev-c"; }), kWrongHardware.number);
  EXPECT_EQ(with([](auto& d) { d.security_floor = 6; }), kBelowFloor.number);
  EXPECT_EQ(with([](auto& d) { d.slots.clear(); }), kNoSlot.number);
  EXPECT_EQ(with([](auto& d) { d.slots["rootfs"].image_types = {"tar", "file"}; }), kSlotType.number);
  EXPECT_EQ(with([](auto& d) { d.slots["rootfs"].size_bytes = 999; }), kSlotTooSmall.number);
}

TEST(WritingOrder, SharedSlotsComeLast) {
  const Manifest manifest{.images = {{.name = "firmware", .slot_class = "firmware"},
                                     {.name = "rootfs", .slot_class = "rootfs"},
                                     {.name = "boot", .slot_class = "boot"}}};
  const std::map<std::string, SlotFacts> slots = {{"firmware", {.shared = true}}, {"rootfs", {}}, {"boot", {}}};
  EXPECT_EQ(writing_order(manifest, slots, Seek::can), (std::vector<std::size_t>{1, 2, 0}));
  EXPECT_EQ(writing_order(manifest, slots, Seek::cannot).error().code.number, kSharedFirst.number);
  EXPECT_EQ(writing_order(manifest, {{"firmware", {}}}, Seek::cannot), (std::vector<std::size_t>{0, 1, 2}));
}

}  // namespace
}  // namespace aloft::bundle
