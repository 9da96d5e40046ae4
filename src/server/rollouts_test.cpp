// What concerns many devices is written in pieces: wherever the server ends between two of them, its next start does the rest, once.
#include "server/rollouts.hpp"

#include <gtest/gtest.h>

#include <future>
#include <set>

#include "fleet/sqlite_store.hpp"
#include "fleet/test_store_folder.hpp"

namespace aloft::server {
namespace {

using fleet::RolloutState;
using fleet::RolloutStore;
using fleet::wait;
using protocol::UpdateState;

constexpr std::size_t kDevices = fleet::kMembersAtOnce + fleet::kDeploymentsAtOnce + 7;

// Its store's file goes on; whatever else it has ends with it, as at a kill -9 between two commits.
class Life {
 public:
  explicit Life(const std::filesystem::path& file) : store_(fleet::SqliteStore::open(file).value()) {}
  fleet::Store& store() { return *store_; }

  // The server runs until `well`; false: not within a minute.
  template <typename Well>
  bool run_until(Well well) {
    EXPECT_TRUE(rollouts_.load());
    rollouts_.begin();
    bool reached = false;
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1); !reached && std::chrono::steady_clock::now() < end;
         reached = well())
      loop_.run_for(std::chrono::milliseconds(5));
    rollouts_.stop();
    while (tasks_.running() > 0) loop_.run_for(std::chrono::milliseconds(5));
    return reached;
  }

 private:
  std::unique_ptr<fleet::SqliteStore> store_;
  boost::asio::io_context loop_;
  httpd::Tasks tasks_{loop_};
  Roster roster_;
  Changes changes_;
  SystemClock clock_;
  Rollouts rollouts_{tasks_, *store_, roster_, changes_, clock_};
};

class RolloutsInPieces : public ::testing::Test {
 protected:
  void SetUp() override {
    Life life(folder_.file());
    std::vector<std::future<Result<fleet::Device>>> enrolled;
    for (std::size_t i = 0; i < kDevices; ++i) {
      auto promise = std::make_shared<std::promise<Result<fleet::Device>>>();
      enrolled.push_back(promise->get_future());
      const std::string name = "cam-" + std::to_string(i);
      fleet::Enrolment enrolment{.device = {.name = name, .public_key = name, .product = "p", .hardware = "h", .version = "1"}};
      enrolment.token_hash = crypto::sha256(as_bytes(name));
      life.store().add_enrolment_token({.hash = *enrolment.token_hash, .expires_ms = 5000}, [](auto) {});
      life.store().enrol(enrolment, [promise](Result<fleet::Device> device) { promise->set_value(std::move(device)); });
    }
    for (auto& one : enrolled) ASSERT_TRUE(one.get());
    release_ = add_release(life.store(), "2");
  }

  static std::uint64_t add_release(fleet::Store& store, const std::string& version) {
    const fleet::Release release{
        .product = "p", .hardware = {"h"}, .version = version, .size_bytes = 1, .sha256 = crypto::sha256(as_bytes(version))};
    return wait<fleet::Release>([&](auto done) { store.add_release(release, done); })->id;
  }
  fleet::RolloutPlan plan() const {
    return {.name = "n", .release = release_, .filter = "name==cam-*", .waves = {{.permille = 1000, .count = {}, .soak_s = 0}}};
  }
  static fleet::Rollout add(fleet::Store& store, fleet::RolloutPlan plan) {
    return wait<fleet::Rollout>([&](auto done) { store.add_rollout({.plan = plan, .created_by = "op", .now_ms = 1}, done); }).value();
  }
  // So many pieces, at most all of them.
  static void write_members(fleet::Store& store, std::uint64_t rollout, std::size_t pieces) {
    const std::vector<fleet::Candidate> found = store.candidates(rollout).value();
    for (std::size_t at = 0; at < std::min(pieces * fleet::kMembersAtOnce, found.size()); at += fleet::kMembersAtOnce) {
      const std::size_t end = std::min(at + fleet::kMembersAtOnce, found.size());
      const std::vector<fleet::Candidate> piece(found.begin() + static_cast<std::ptrdiff_t>(at),
                                                found.begin() + static_cast<std::ptrdiff_t>(end));
      ASSERT_TRUE(wait<std::vector<fleet::Member>>([&](auto done) { store.add_members(rollout, piece, 1, done); }));
    }
  }
  static fleet::MoveOutcome move(fleet::Store& store, fleet::Rollout rollout, RolloutState state, fleet::RolloutEvent event,
                                 fleet::RolloutAction action) {
    rollout.state = state;
    rollout.wave = 1;
    rollout.reach = fleet::kWholeTarget;
    const fleet::MoveOrder order{.rollout = rollout, .event = event, .action = action, .by = "op"};
    return wait<fleet::MoveOutcome>([&](auto done) { store.move_rollout(order, done); }).value();
  }
  // A rollout of which everybody has an unfinished deployment.
  static fleet::Rollout offered_to_all(fleet::Store& store, const fleet::RolloutPlan& plan) {
    const fleet::Rollout rollout = add(store, plan);
    write_members(store, rollout.id, SIZE_MAX / fleet::kMembersAtOnce);
    move(store, rollout, RolloutState::running, fleet::RolloutEvent::start, fleet::RolloutAction::open_wave);
    fleet::OfferRequest request{.rollout = rollout.id, .order = {}, .now_ms = 2};
    const std::vector<fleet::Member> members = store.all_members(rollout.id).value();
    for (const fleet::Member& member : members) request.order.devices.push_back({.device = member.device, .attempt = 1});
    const auto made = wait<fleet::OfferOutcome>([&](auto done) { store.offer(request, done); }).value().made;
    EXPECT_EQ(made.size(), kDevices);
    return store.rollout(rollout.id).value();
  }
  static std::vector<std::uint64_t> first_pieces(std::vector<std::uint64_t> all, std::size_t pieces) {
    all.resize(std::min(all.size(), pieces * fleet::kDeploymentsAtOnce));
    return all;
  }
  // Of each of the rollout's deployments: how often it was noted so.
  static std::set<std::size_t> times_noted(fleet::Store& store, std::uint64_t rollout, const std::string& message) {
    std::set<std::size_t> times;
    const std::vector<fleet::Member> members = store.all_members(rollout).value();
    for (const fleet::Member& member : members) {
      const auto transitions = store.transitions(member.deployment, 0, 100).value();
      times.insert(static_cast<std::size_t>(std::ranges::count(transitions, message, &fleet::Transition::message)));
    }
    return times;
  }

  fleet::TestStoreFolder folder_;
  std::uint64_t release_ = 0;
};

constexpr std::size_t kMemberPieces = (kDevices + fleet::kMembersAtOnce - 1) / fleet::kMembersAtOnce;
constexpr std::size_t kDeploymentPieces = (kDevices + fleet::kDeploymentsAtOnce - 1) / fleet::kDeploymentsAtOnce;

TEST_F(RolloutsInPieces, AMadeRolloutIsCompleteAfterTheNextStart) {
  for (std::size_t pieces = 0; pieces <= kMemberPieces; ++pieces) {
    std::uint64_t id = 0;
    {
      Life life(folder_.file());
      fleet::RolloutPlan wanted = plan();
      wanted.needs_approval = pieces % 2 == 1;
      id = add(life.store(), wanted).id;
      write_members(life.store(), id, pieces);
      EXPECT_EQ(life.store().rollout(id)->state, RolloutState::gathering);
    }
    Life life(folder_.file());
    EXPECT_TRUE(life.run_until([&] { return life.store().rollout(id)->state != RolloutState::gathering; }));
    EXPECT_EQ(life.store().rollout(id)->state, pieces % 2 == 1 ? RolloutState::awaiting_approval : RolloutState::ready);
    std::set<std::uint64_t> devices;
    const std::vector<fleet::Member> members = life.store().all_members(id).value();
    for (const fleet::Member& member : members) devices.insert(member.device);
    EXPECT_EQ(devices.size(), kDevices) << "after " << pieces << " pieces";
    EXPECT_EQ(life.store().all_members(id)->size(), kDevices);
  }
}

TEST_F(RolloutsInPieces, AnAbortIsCompleteAfterTheNextStart) {
  for (std::size_t pieces = 0; pieces <= kDeploymentPieces; ++pieces) {
    std::uint64_t id = 0;
    {
      Life life(folder_.file());
      const fleet::Rollout rollout = offered_to_all(life.store(), plan());
      id = rollout.id;
      move(life.store(), rollout, RolloutState::aborted, fleet::RolloutEvent::abort, fleet::RolloutAction::withdraw);
      const auto some = first_pieces(life.store().under_way(id, RolloutStore::Which::all).value(), pieces);
      ASSERT_TRUE(wait<std::vector<fleet::Deployment>>([&](auto done) { life.store().withdraw_some(id, some, 3, done); }));
    }
    Life life(folder_.file());
    EXPECT_TRUE(life.run_until([&] { return life.store().under_way(id, RolloutStore::Which::all)->empty(); }));
    EXPECT_EQ(life.store().rollout(id)->counts[static_cast<std::size_t>(fleet::MemberState::cancelled)], kDevices);
    EXPECT_EQ(times_noted(life.store(), id, "rollout " + std::to_string(id) + " was aborted"), std::set<std::size_t>{1});
    EXPECT_TRUE(life.store().leftovers()->to_withdraw.empty());
  }
}

TEST_F(RolloutsInPieces, WhatWasReleasedIsLetGoOfAfterTheNextStart) {
  for (std::size_t pieces = 0; pieces <= kDeploymentPieces; ++pieces) {
    Life before(folder_.file());
    fleet::RolloutPlan held = plan();
    held.policy.download_only = true;
    const fleet::Rollout rollout = offered_to_all(before.store(), held);
    ASSERT_TRUE(wait<>([&](auto done) { before.store().release_rollout(rollout.id, "anna", 3, done); }));
    const auto some = first_pieces(before.store().under_way(rollout.id, RolloutStore::Which::held).value(), pieces);
    ASSERT_TRUE(wait<std::vector<fleet::Deployment>>([&](auto done) { before.store().let_go_of_some(rollout.id, some, 3, done); }));
    EXPECT_EQ(before.store().leftovers()->to_let_go.size(), pieces == kDeploymentPieces ? 0U : 1U);
    Life life(folder_.file());
    EXPECT_TRUE(life.run_until([&] { return life.store().under_way(rollout.id, RolloutStore::Which::held)->empty(); }));
    EXPECT_EQ(times_noted(life.store(), rollout.id, "released by anna, to be installed"), std::set<std::size_t>{1});
    move(life.store(), rollout, RolloutState::aborted, fleet::RolloutEvent::abort, fleet::RolloutAction::withdraw);
    EXPECT_TRUE(Life(folder_.file()).run_until([&] { return life.store().leftovers()->to_withdraw.empty(); }));
  }
}

TEST_F(RolloutsInPieces, AWayBackIsCompleteAfterTheNextStart) {
  Life before(folder_.file());
  fleet::RolloutPlan there = plan();
  there.rollback_release = add_release(before.store(), "1.5");
  const fleet::Rollout rollout = offered_to_all(before.store(), there);
  // Every second has committed.
  std::size_t committed = 0;
  const std::vector<fleet::Member> members = before.store().all_members(rollout.id).value();
  for (const fleet::Member& member : members) {
    if (member.device % 2 == 0) continue;
    ++committed;
    const fleet::Deployment deployment = before.store().deployment(member.deployment).value();
    const protocol::Report report{.deployment = deployment.id, .sequence = 1, .time_ms = 1, .state = UpdateState::committed};
    before.store().apply_reports({deployment.device, {{report}, "2", {}}, 3}, [](auto) {});
  }
  const fleet::MoveOutcome outcome =
      move(before.store(), rollout, RolloutState::rolled_back, fleet::RolloutEvent::roll_back, fleet::RolloutAction::roll_back);
  ASSERT_TRUE(outcome.successor);
  write_members(before.store(), outcome.successor->id, 0);
  Life life(folder_.file());
  const std::uint64_t back = outcome.successor->id;
  EXPECT_TRUE(life.run_until([&] {
    const fleet::Rollout now = life.store().rollout(back).value();
    return now.state == RolloutState::running && now.counts[static_cast<std::size_t>(fleet::MemberState::offered)] == committed &&
           life.store().leftovers()->to_withdraw.empty();
  })) << "it starts by itself";
  EXPECT_EQ(life.store().all_members(back)->size(), committed);
  EXPECT_EQ(life.store().rollout(rollout.id)->counts[static_cast<std::size_t>(fleet::MemberState::cancelled)], kDevices - committed);
}

}  // namespace
}  // namespace aloft::server
