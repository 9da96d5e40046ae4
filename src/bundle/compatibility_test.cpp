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
  EXPECT_EQ(with([](auto& d) { d.slots["rootfs"].type = "ubi"; }), kSlotType.number);
  EXPECT_EQ(with([](auto& d) { d.slots["rootfs"].size_bytes = 999; }), kSlotTooSmall.number);
}

}  // namespace
}  // namespace aloft::bundle
