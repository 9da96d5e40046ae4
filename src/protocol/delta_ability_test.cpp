#include "protocol/delta_ability.hpp"

#include <gtest/gtest.h>

#include "base/errors.hpp"

namespace aloft::protocol {
namespace {

const DeltaAbility kSome{.format = 2, .compressors = {{"zstd", 10504}, {"xz", 50040012}}};

TEST(DeltaAbility, HasOneText) {
  EXPECT_EQ(to_text(kSome), "2 xz=50040012 zstd=10504");
  EXPECT_EQ(delta_ability_of(to_text(kSome)).value(), kSome);
  EXPECT_EQ(to_text({}), "1");
}

TEST(DeltaAbility, PassesOverWhatItDoesNotKnow) {
  EXPECT_EQ(delta_ability_of(" 2  zstd=10504 brotli!=3 new-word xz=50040012 lz4= zlib=x =1").value(), kSome);
}

TEST(DeltaAbility, WhatCannotBeReadIsTheFirstAgents) {
  for (const std::string bad : {"", "zstd=10504", "0", "-1", "2x", "99999999999999999999", "\xff"}) {
    EXPECT_EQ(delta_ability_of(bad).error().code.number, kBadJson.number) << bad;
    EXPECT_EQ(told_ability(bad), DeltaAbility{}) << bad;
  }
  EXPECT_FALSE(delta_ability_of("2 " + std::string(kMaxDeltaAbilityBytes, ' ')));
}

TEST(DeltaAbility, SufficesWhenEveryNeedIsMet) {
  EXPECT_TRUE(suffices(kSome, kSome));
  EXPECT_TRUE(suffices(kSome, {}));
  EXPECT_TRUE(suffices(kSome, {.format = 2, .compressors = {{"xz", 50040012}}}));
  EXPECT_FALSE(suffices(kSome, {.format = 3}));
  EXPECT_FALSE(suffices(kSome, {.format = 1, .compressors = {{"zstd", 10506}}}));
  EXPECT_FALSE(suffices(kSome, {.format = 1, .compressors = {{"zstd", 10504}, {"zstd", 10506}}}));
  EXPECT_FALSE(suffices(kSome, {.format = 1, .compressors = {{"lz4", 10904}}}));
  EXPECT_FALSE(suffices({}, kSome));
}

}  // namespace
}  // namespace aloft::protocol
