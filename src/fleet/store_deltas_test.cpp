// What every Store must do with deltas, and with what downloads cost.
#include "fleet/errors.hpp"
#include "fleet/store_contract.hpp"

namespace aloft::fleet {
namespace {

TEST_P(StoreDeltas, AreKeptUntilTheyAreReplacedOrDropped) {
  const Release release = add_release("2");
  const auto first = add(release.id, "1", "one");
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->unused.empty());
  ASSERT_TRUE(add(release.id, "1", "one", {"other"}));  // the same file for other hardware
  const auto again = add(release.id, "1", "two");
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->unused.empty()) << "the other hardware's row still names it";
  auto all = store_->deltas().value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].hardware, std::vector<std::string>{"other"});
  EXPECT_EQ(all[1].sources.front().sha256, to_hex(digest("old")));
  EXPECT_EQ(drop(all[0].id).value(), std::vector{digest("one")});
  ASSERT_TRUE(wait<>([&](auto done) { store_->note_deltas_wanted({all[1].id}, 77, done); }));
  EXPECT_EQ(store_->deltas()->front().wanted_ms, 77U);
  EXPECT_ERROR(drop(99), kDeltaUnknown);
  EXPECT_ERROR(add(99, "1", "x"), kReleaseUnknown);
  const auto gone = delete_release(release.id);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->deltas, std::vector{digest("two")});
  EXPECT_TRUE(store_->deltas()->empty());
}

TEST_P(StoreDeltas, AreWantedByDevicesThatRunSomethingElse) {
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(enrol(name, name));
    ASSERT_TRUE(set_status(name, DeviceStatus::accepted));
  }
  ASSERT_TRUE(enrol("stranger", "s"));
  EXPECT_TRUE(store_->delta_wants()->empty()) << "there is nothing to lead to";
  const Release two = add_release("2");
  auto wants = store_->delta_wants().value();
  ASSERT_EQ(wants.size(), 1U);
  EXPECT_EQ(wants[0].devices, 3U);
  EXPECT_FALSE(wants[0].assigned);
  const auto made = deploy(two.id, {"a", "b"}).value();
  ASSERT_TRUE(report("a", {step(made[0].id, 1, UpdateState::installing)}));
  wants = store_->delta_wants().value();
  ASSERT_EQ(wants.size(), 1U) << "what is assigned counts once";
  EXPECT_TRUE(wants[0].assigned);
  EXPECT_EQ(wants[0].version, "1");
  EXPECT_EQ(wants[0].devices, 2U);
  EXPECT_EQ(wants[0].waiting, 1U);
  const Release three = add_release("3");
  wants = store_->delta_wants().value();
  ASSERT_EQ(wants.size(), 2U);
  EXPECT_EQ(wants[1].release, three.id);
  EXPECT_EQ(wants[1].devices, 3U);
}

TEST_P(StoreDeltas, DownloadsAreCountedOnceHoweverOftenTheyAreTold) {
  const Deployment deployment = assigned("d");
  const protocol::Download part{protocol::DownloadMethod::full, 500, 0};
  const protocol::Download all{protocol::DownloadMethod::delta, 700, 9300};
  ASSERT_TRUE(report("d", {told(deployment.id, 1, part)}));
  ASSERT_TRUE(report("d", {told(deployment.id, 1, part)}));
  const auto outcome = report("d", {told(deployment.id, 2, all), step(deployment.id, 3, UpdateState::committed)});
  ASSERT_TRUE(outcome);
  ASSERT_TRUE(outcome->changed.front().download);
  EXPECT_EQ(outcome->changed.front().download->fetched_bytes, 700U);
  for (const auto& release : {std::optional<std::uint64_t>(), deployment.release}) {
    const auto totals = store_->downloads(release).value();
    ASSERT_FALSE(totals.empty());
    EXPECT_EQ(totals.back().method, protocol::DownloadMethod::delta);
    EXPECT_EQ(totals.back().deployments, 1U);
    EXPECT_EQ(totals.back().fetched_bytes, 700U);
    EXPECT_EQ(totals.back().saved_bytes, 9300U);
  }
  const auto totals = store_->downloads({}).value();
  EXPECT_EQ(totals.front().method, protocol::DownloadMethod::full);
  EXPECT_EQ(totals.front().deployments, 0U) << "it was told again, and had become another";
  EXPECT_EQ(totals.front().fetched_bytes, 0U);
}

}  // namespace
}  // namespace aloft::fleet
