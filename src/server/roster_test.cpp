#include "server/roster.hpp"

#include <gtest/gtest.h>

namespace aloft::server {
namespace {

using fleet::DeviceStatus;
using protocol::UpdateState;

fleet::Device device(const std::string& name) { return {.name = name, .status = DeviceStatus::accepted}; }
fleet::Deployment deployment(std::uint64_t id, UpdateState state) { return {.id = id, .device = "a", .version = "2", .state = state}; }

TEST(Roster, FollowsADeploymentFromOfferToEnd) {
  Roster roster;
  roster.put(device("a"));
  const auto bell = roster.device_bell("a");
  roster.apply(deployment(1, UpdateState::offered));
  EXPECT_TRUE(bell->rung());
  EXPECT_EQ(roster.find("a")->deployment->id, 1U);
  EXPECT_EQ(roster.deployment_count(), 1U);
  roster.apply(deployment(1, UpdateState::committed));
  EXPECT_FALSE(roster.find("a")->deployment);
}

TEST(Roster, OnlyRingsForTheDeviceWhenItsAnswerChanges) {
  Roster roster;
  roster.put(device("a"));
  roster.apply(deployment(1, UpdateState::offered));
  const auto changes = roster.device_bell("a");
  const auto progress = roster.deployment_bell(1);
  roster.apply(deployment(1, UpdateState::downloading));
  EXPECT_FALSE(changes->rung());
  EXPECT_TRUE(progress->rung());
}

TEST(Roster, ALateWordAboutAnOldDeploymentLeavesTheNewOne) {
  Roster roster;
  roster.put(device("a"));
  roster.apply(deployment(1, UpdateState::cancelled));
  roster.apply(deployment(2, UpdateState::offered));
  roster.apply(deployment(1, UpdateState::committed));
  EXPECT_EQ(roster.find("a")->deployment->id, 2U);
}

TEST(Roster, RejectingAndForgettingRing) {
  Roster roster;
  roster.put(device("a"));
  const auto rejected = roster.device_bell("a");
  roster.put({.name = "a", .status = DeviceStatus::rejected});
  EXPECT_TRUE(rejected->rung());
  EXPECT_EQ(roster.device_count(DeviceStatus::rejected), 1U);
  roster.remove("a");
  EXPECT_EQ(roster.find("a"), nullptr);
}

TEST(Roster, TellsOnceWhoWasSeen) {
  Roster roster;
  roster.put(device("a"));
  roster.touch("a", 5);
  roster.touch("a", 7);
  roster.touch("stranger", 7);
  const auto seen = roster.take_touched(10);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen.front().time_ms, 7U);
  EXPECT_TRUE(roster.take_touched(10).empty());
}

TEST(Roster, TellsInPiecesWhoWasSeenFirstFirst) {
  Roster roster;
  for (const char* name : {"a", "b", "c"}) roster.put(device(name));
  for (const char* name : {"a", "b", "c"}) roster.touch(name, 1);
  EXPECT_EQ(roster.touched_count(), 3U);
  EXPECT_EQ(roster.take_touched(2).back().device, "b");
  roster.touch("a", 2);
  roster.touch("c", 3);
  const auto rest = roster.take_touched(2);
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[0].device, "c");
  EXPECT_EQ(rest[0].time_ms, 3U);
  EXPECT_EQ(rest[1].device, "a");
}

}  // namespace
}  // namespace aloft::server
