#include "storage/emmc.hpp"

#include <gtest/gtest.h>

#include "bundle/test_bundle.hpp"
#include "storage/errors.hpp"
#include "storage/test_card.hpp"

namespace aloft::storage {
namespace {

using crypto::test::must;

class EmmcTest : public ::testing::Test {
 protected:
  test::CardHost host_;
  Power power_;
  test::SimCard card_{power_, 0x49};  // BOOT_ACK, the first boot area, access to the first
};

TEST_F(EmmcTest, TheOtherAreaIsWrittenUnlockedAndThenSwitchedTo) {
  EmmcPair card = host_.pair(card_);
  EXPECT_EQ(must(card.active()), 0U);
  const Bytes loader = bundle::test::test_content(100'000);
  {
    const auto target = must(card.open(1));
    EXPECT_EQ(host_.lock(1), "0");
    EXPECT_EQ(host_.lock(0), "1");
    must(target->device().write(0, loader));
    must(target->device().flush());
  }
  EXPECT_EQ(host_.lock(1), "1");
  must(switch_pair(card, {crypto::sha256(loader), loader.size()}));
  EXPECT_EQ(card_.partition_config(), 0x51) << "only the boot area's bits change";
  EXPECT_EQ(must(card.active()), 1U);
  must(switch_pair(card, {crypto::sha256(loader), loader.size()}));
  EXPECT_EQ(card_.switches, 1U);
}

TEST_F(EmmcTest, ACardThatForbidsTheSwitchIsToldFromOneThatFails) {
  card_.stubborn = true;
  EmmcPair card = host_.pair(card_);
  EXPECT_EQ(card.activate(1).error().code.number, kEmmcRefuses.number);
}

TEST_F(EmmcTest, WhatIsNoCardIsSaid) {
  EmmcPair none(host_.device(), system_ioctl());
  EXPECT_EQ(none.active().error().code.number, kEmmc.number);
}

}  // namespace
}  // namespace aloft::storage
