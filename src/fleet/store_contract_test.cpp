#include "fleet/store_contract.hpp"

#include <atomic>
#include <thread>

#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

using protocol::UpdateState;

TEST_P(StoreContract, AnUnknownDeviceWaitsAndTheSameAgainChangesNothing) {
  EXPECT_EQ(enrol("a")->status, DeviceStatus::pending);
  EXPECT_EQ(enrol("a")->status, DeviceStatus::pending);
  EXPECT_EQ(store_->devices({})->size(), 1U);
  EXPECT_EQ(store_->device("a")->key_sha256, digest("key"));
  EXPECT_ERROR(store_->device("b"), kDeviceUnknown);
}

TEST_P(StoreContract, ATokenLetsOneDeviceIn) {
  add_token("secret");
  EXPECT_EQ(enrol("a", "key", "secret")->status, DeviceStatus::accepted);
  EXPECT_EQ(enrol("a", "key", "secret")->status, DeviceStatus::accepted);
  EXPECT_ERROR(enrol("b", "other", "secret"), kEnrolmentToken);
  EXPECT_ERROR(store_->device("b"), kDeviceUnknown);
  EXPECT_EQ(store_->enrolment_tokens()->front().used_by, "a");
}

TEST_P(StoreContract, AnExpiredOrUnknownTokenLetsNobodyIn) {
  add_token("secret", 900);
  EXPECT_ERROR(enrol("a", "key", "secret"), kEnrolmentToken);
  EXPECT_ERROR(enrol("a", "key", "other"), kEnrolmentToken);
  EXPECT_TRUE(store_->devices({})->empty());
}

TEST_P(StoreContract, ANameBelongsToItsKey) {
  add_token("one");
  add_token("two");
  EXPECT_TRUE(enrol("a", "key"));
  EXPECT_ERROR(enrol("a", "other"), kDeviceNameTaken);
  EXPECT_EQ(enrol("a", "other", "one")->key_sha256, digest("other")) << "a good token outweighs a mere knock";
  EXPECT_ERROR(enrol("a", "key", "two"), kDeviceNameTaken);
  EXPECT_TRUE(enrol("b", "key", "two")) << "a refused enrolment uses no token up";
}

TEST_P(StoreContract, ARejectedDeviceStaysOut) {
  add_token("secret");
  EXPECT_TRUE(enrol("a"));
  EXPECT_EQ(set_status("a", DeviceStatus::rejected)->status, DeviceStatus::rejected);
  EXPECT_ERROR(enrol("a", "key", "secret"), kDeviceRejected);
  EXPECT_ERROR(set_status("b", DeviceStatus::accepted), kDeviceUnknown);
}

TEST_P(StoreContract, ListsArePagedInOrder) {
  for (const char* name : {"c", "a", "b"}) EXPECT_TRUE(enrol(name, name));
  EXPECT_TRUE(set_status("b", DeviceStatus::accepted));
  const auto page = store_->devices({.after = "a", .limit = 1});
  ASSERT_EQ(page->size(), 1U);
  EXPECT_EQ(page->front().name, "b");
  EXPECT_EQ(store_->devices({.status = DeviceStatus::pending})->size(), 2U);
}

TEST_P(StoreContract, AReleaseIsOneByItsContent) {
  const Release one = add_release("1");
  EXPECT_EQ(add_release("1").id, one.id);
  const Release two = add_release("2");
  EXPECT_EQ(store_->releases({})->front().id, two.id);
  EXPECT_EQ(store_->releases({.version = "1"})->front().signers, std::vector<std::string>{"CN=x"});
  EXPECT_EQ(store_->releases({.before = two.id})->size(), 1U);
  EXPECT_EQ((*store_->release_of(two.sha256))->id, two.id);
  EXPECT_FALSE(*store_->release_of(digest("none")));
}

TEST_P(StoreContract, ADeploymentIsAllOrNone) {
  const Deployment first = assigned("a");
  EXPECT_EQ(store_->device("a")->deployment, first.id);
  EXPECT_TRUE(enrol("b", "b"));
  const std::uint64_t release = *first.release;
  EXPECT_ERROR(deploy(release, {"b"}), kDevicePending);
  EXPECT_TRUE(set_status("b", DeviceStatus::accepted));
  EXPECT_ERROR(deploy(release, {"b", "a"}), kDeviceBusy);
  EXPECT_ERROR(deploy(release, {"b", "nobody"}), kDeviceUnknown);
  EXPECT_ERROR(deploy(99, {"b"}), kReleaseUnknown);
  EXPECT_ERROR(deploy(add_release("2", "other").id, {"b"}), kReleaseDoesNotFit);
  EXPECT_FALSE(store_->device("b")->deployment);
  EXPECT_EQ(store_->deployments({})->size(), 1U);
}

TEST_P(StoreContract, ReportsAreKeptOnceAndInTheirOrder) {
  const Deployment made = assigned("a");
  const auto outcome =
      report("a", {step(made.id, 1, UpdateState::accepted), step(made.id, 3, UpdateState::installing), step(99, 1, UpdateState::failed)});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->stored, 2U);
  EXPECT_EQ(outcome->unknown, 1U);
  EXPECT_EQ(outcome->changed.front().state, UpdateState::installing);
  EXPECT_EQ(report("a", {step(made.id, 3, UpdateState::failed)})->stored, 0U);
  EXPECT_EQ(report("a", {step(made.id, 2, UpdateState::downloading)})->changed.front().state, UpdateState::installing)
      << "a late one is history";
  EXPECT_EQ(report("b", {step(made.id, 4, UpdateState::failed)})->unknown, 1U) << "not its deployment";
  const auto kept = store_->transitions(made.id, 0, 100);
  ASSERT_EQ(kept->size(), 4U);
  EXPECT_EQ(kept->front().sequence, 0U);
  EXPECT_EQ(store_->transitions(made.id, kept->at(2).id, 100)->size(), 1U);
}

TEST_P(StoreContract, ADevicesProblemStandsUntilItReportsNone) {
  const Deployment made = assigned("a");
  const auto tell = [&](std::optional<protocol::Problem> problem) {
    ReportBatch batch{.device = "a", .reports = {.reports = {}, .version = "1", .problem = std::move(problem)}, .received_ms = 1};
    return wait<ReportOutcome>([&](auto done) { store_->apply_reports(batch, done); });
  };
  EXPECT_EQ(store_->device("a")->problem_error, 0U);
  ASSERT_TRUE(tell(protocol::Problem{6011, "the state partition is full"}));
  EXPECT_EQ(store_->device("a")->problem_error, 6011U);
  EXPECT_EQ(store_->device("a")->problem, "the state partition is full");
  EXPECT_EQ(store_->device("a")->deployment, made.id);
  ASSERT_TRUE(tell(std::nullopt));
  EXPECT_EQ(store_->device("a")->problem_error, 0U);
  EXPECT_EQ(store_->device("a")->problem, "");
}

TEST_P(StoreContract, AFinishedDeploymentFreesItsDevice) {
  const Deployment made = assigned("a");
  EXPECT_ERROR(delete_release(*made.release), kReleaseInUse);
  EXPECT_TRUE(report("a", {step(made.id, 1, UpdateState::committed)}));
  EXPECT_FALSE(store_->device("a")->deployment);
  EXPECT_TRUE(store_->deployments({.active = true})->empty());
  EXPECT_TRUE(delete_release(*made.release));
  EXPECT_FALSE(store_->deployment(made.id)->release);
}

TEST_P(StoreContract, AReleaseThatIsBeingDeletedIsNotFoundAndCanBeFinished) {
  const Deployment made = assigned("a");
  EXPECT_TRUE(report("a", {step(made.id, 1, UpdateState::committed)}));
  EXPECT_ERROR(wait<DeletedRelease>([&](auto done) { store_->end_delete_release(*made.release, done); }), kReleaseUnknown);
  EXPECT_TRUE(wait<>([&](auto done) { store_->begin_delete_release(*made.release, done); }));
  EXPECT_ERROR(store_->release(*made.release), kReleaseUnknown);
  EXPECT_TRUE(store_->releases({})->empty());
  EXPECT_ERROR(deploy(*made.release, {"a"}), kReleaseUnknown);
  EXPECT_EQ(store_->releases_being_deleted().value(), std::vector{*made.release});
  EXPECT_FALSE(*wait<bool>([&](auto done) { store_->forget_release(*made.release, done); }));
  EXPECT_FALSE(store_->deployment(made.id)->release);
  EXPECT_TRUE(wait<DeletedRelease>([&](auto done) { store_->end_delete_release(*made.release, done); }));
  EXPECT_TRUE(store_->releases_being_deleted()->empty());
  EXPECT_TRUE(store_->release_of(digest("p2")).value() == std::nullopt);
}

TEST_P(StoreContract, ACancelledDeploymentHearsTheDevicesLastWordOnly) {
  const Deployment made = assigned("a");
  const auto cancel = [&] { return wait<Deployment>([&](auto done) { store_->cancel_deployment(made.id, "op", 2500, done); }); };
  EXPECT_EQ(cancel()->state, UpdateState::cancelled);
  EXPECT_ERROR(cancel(), kDeploymentFinished);
  EXPECT_TRUE(report("a", {step(made.id, 1, UpdateState::rebooting)}));
  EXPECT_EQ(store_->deployment(made.id)->state, UpdateState::cancelled);
  EXPECT_TRUE(report("a", {step(made.id, 2, UpdateState::committed)}));
  EXPECT_EQ(store_->deployment(made.id)->state, UpdateState::committed);
}

TEST_P(StoreContract, ALogBelongsToItsDevicesDeployment) {
  const Deployment made = assigned("a");
  const auto put = [&](std::string device, std::string text) {
    return wait<>([&](auto done) { store_->put_log(device, made.id, text, 1, done); });
  };
  EXPECT_ERROR(store_->log(made.id), kLogUnknown);
  EXPECT_ERROR(put("b", "x"), kDeploymentUnknown);
  EXPECT_TRUE(put("a", "one"));
  EXPECT_TRUE(put("a", std::string("t\0wo", 4)));
  EXPECT_EQ(*store_->log(made.id), std::string("t\0wo", 4));
  EXPECT_TRUE(store_->deployment(made.id)->has_log);
}

TEST_P(StoreContract, ADeletedDeviceTakesItsHistoryAlong) {
  const Deployment made = assigned("a");
  EXPECT_TRUE(wait<std::uint64_t>([&](auto done) { store_->delete_device("a", done); }));
  EXPECT_ERROR(store_->deployment(made.id), kDeploymentUnknown);
  EXPECT_TRUE(store_->transitions(made.id, 0, 10)->empty());
  EXPECT_ERROR(wait<std::uint64_t>([&](auto done) { store_->delete_device("a", done); }), kDeviceUnknown);
}

TEST_P(StoreContract, OnlyTheFirstUserComesBySetup) {
  const auto add = [&](std::string name) { return wait<>([&](auto done) { store_->add_first_user({name, "hash"}, done); }); };
  EXPECT_TRUE(add("admin"));
  EXPECT_ERROR(add("other"), kUserExists);
  EXPECT_EQ(*store_->user_count(), 1U);
  EXPECT_EQ((*store_->user("admin"))->password, "hash");
  EXPECT_FALSE(*store_->user("other"));
}

TEST_P(StoreContract, SessionsSayWhereTheyAreAndEndButForOne) {
  EXPECT_TRUE(wait<>([&](auto done) { store_->add_first_user({"admin", "hash"}, done); }));
  EXPECT_TRUE(wait<User>([&](auto done) { store_->add_user({.name = "op", .password = "hash", .roles = 1}, done); }));
  const AccessToken wanted{
      .user = "admin", .hash = digest("a"), .created_ms = 5, .expires_ms = 9, .client = "Firefox", .address = "192.0.2.1", .used_ms = 5};
  const auto add = [&](const AccessToken& token) { return wait<AccessToken>([&](auto done) { store_->add_access_token(token, done); }); };
  const auto kept = add(wanted);
  const auto other = add({.user = "admin", .hash = digest("b")});
  ASSERT_TRUE(kept && other && add({.user = "op", .hash = digest("c")}));
  ASSERT_TRUE(add({.kind = AccessToken::Kind::api, .user = "admin", .hash = digest("d")}));
  EXPECT_TRUE(wait<>([&](auto done) { store_->record_token_use({{kept->id, 7}, {1000, 7}}, done); }));
  const std::vector<AccessToken> before = store_->access_tokens().value();
  ASSERT_EQ(before.size(), 4U);
  EXPECT_EQ(before[0].client, "Firefox");
  EXPECT_EQ(before[0].address, "192.0.2.1");
  EXPECT_EQ(before[0].used_ms, 7U);
  EXPECT_EQ(before[1].used_ms, 0U);
  EXPECT_TRUE(wait<>([&](auto done) { store_->end_sessions("admin", kept->id, done); }));
  const std::vector<AccessToken> left = store_->access_tokens().value();
  ASSERT_EQ(left.size(), 3U);
  for (const AccessToken& one : left) EXPECT_NE(one.id, other->id);
}

TEST_P(StoreContract, AccessTokensEndWhenTheyExpire) {
  EXPECT_TRUE(wait<>([&](auto done) { store_->add_first_user({"admin", "hash"}, done); }));
  const auto add = [&](std::string secret, std::optional<std::uint64_t> expires) {
    return wait<AccessToken>(
        [&](auto done) { store_->add_access_token({.user = "admin", .hash = digest(secret), .expires_ms = expires}, done); });
  };
  const auto lasting = add("one", std::nullopt);
  EXPECT_TRUE(lasting && add("two", 100));
  EXPECT_TRUE(wait<>([&](auto done) { store_->delete_expired_access_tokens(100, done); }));
  ASSERT_EQ(store_->access_tokens()->size(), 1U);
  EXPECT_EQ(store_->access_tokens()->front().id, lasting->id);
  EXPECT_TRUE(wait<>([&](auto done) { store_->delete_access_token(lasting->id, done); }));
  EXPECT_ERROR(wait<>([&](auto done) { store_->delete_access_token(lasting->id, done); }), kTokenUnknown);
}

TEST_P(StoreContract, SettingsAreKept) {
  EXPECT_FALSE(*store_->setting("x"));
  EXPECT_TRUE(wait<>([&](auto done) { store_->put_setting("x", "1", done); }));
  EXPECT_TRUE(wait<>([&](auto done) { store_->put_setting("x", "2", done); }));
  EXPECT_EQ(**store_->setting("x"), "2");
  EXPECT_TRUE(wait<>([&](auto done) { store_->put_setting("x", std::nullopt, done); }));
  EXPECT_FALSE(*store_->setting("x"));
  EXPECT_TRUE(wait<>([&](auto done) { store_->check_writable(done); }));
}

TEST_P(StoreContract, ManyWritersEachHearTheirOwnResult) {
  const Deployment made = assigned("a");
  constexpr std::uint64_t kEach = 50;
  std::vector<std::thread> writers;
  std::atomic<std::uint64_t> stored = 0;
  std::atomic<std::uint64_t> refused = 0;
  for (std::uint64_t writer = 0; writer < 4; ++writer)
    writers.emplace_back([&, writer] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        stored += report("a", {step(made.id, writer * kEach + i + 1, UpdateState::downloading)})->stored;
        refused += set_status("nobody", DeviceStatus::accepted) ? 0U : 1U;
      }
    });
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(stored, 4 * kEach);
  EXPECT_EQ(refused, 4 * kEach);
  EXPECT_EQ(store_->transitions(made.id, 0, 10'000)->size(), 4 * kEach + 1);
}

}  // namespace
}  // namespace aloft::fleet
