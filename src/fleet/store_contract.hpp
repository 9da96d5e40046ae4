// The fixture of store_contract_test.cpp, which says what every Store must do. A backend's own test gives a way to make an empty store:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(StoreMaker{...}));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "fleet/store.hpp"

namespace aloft::fleet {

using StoreMaker = std::function<std::unique_ptr<Store>()>;

// 0: the result is no error.
inline std::uint16_t error_number(const auto& result) { return result ? 0 : result.error().code.number; }
#define EXPECT_ERROR(result, expected) EXPECT_EQ(error_number(result), (expected).number)

class StoreContract : public ::testing::TestWithParam<StoreMaker> {
 protected:
  void SetUp() override {
    store_ = GetParam()();
    ASSERT_NE(store_, nullptr);
  }
  static Digest digest(std::string_view text) { return crypto::sha256(as_bytes(text)); }

  Result<Device> enrol(const std::string& name, const std::string& key = "key", std::optional<std::string> token = {},
                       std::uint64_t now = 1000) {
    Enrolment enrolment{.now_ms = now};
    enrolment.device = {.name = name, .public_key = key, .key_sha256 = digest(key), .product = "p", .hardware = "h", .version = "1"};
    if (token) enrolment.token_hash = digest(*token);
    return wait<Device>([&](auto done) { store_->enrol(enrolment, done); });
  }
  void add_token(const std::string& secret, std::uint64_t expires = 5000) {
    ASSERT_TRUE(wait<EnrolmentToken>([&](auto done) {
      store_->add_enrolment_token({.hash = digest(secret), .note = "n", .created_ms = 1, .expires_ms = expires}, done);
    }));
  }
  Result<Device> set_status(const std::string& name, DeviceStatus status) {
    return wait<Device>([&](auto done) { store_->set_device_status(name, status, done); });
  }
  Release add_release(const std::string& version, const std::string& product = "p") {
    Release release{.product = product,
                    .hardware = {"h"},
                    .version = version,
                    .size_bytes = 10,
                    .sha256 = digest(product + version),
                    .signers = {"CN=x"}};
    return wait<Release>([&](auto done) { store_->add_release(release, done); }).value();
  }
  Result<std::vector<Deployment>> deploy(std::uint64_t release, std::vector<std::string> devices) {
    return wait<std::vector<Deployment>>([&](auto done) { store_->add_deployments({release, devices, "op", 2000}, done); });
  }
  Result<ReportOutcome> report(const std::string& device, std::vector<protocol::Report> reports, const std::string& version = "1") {
    return wait<ReportOutcome>([&](auto done) { store_->apply_reports({device, {std::move(reports), version}, 3000}, done); });
  }
  static protocol::Report step(std::uint64_t deployment, std::uint64_t sequence, UpdateState state) {
    return {.deployment = deployment, .sequence = sequence, .time_ms = sequence, .state = state, .error = 0, .message = "m"};
  }
  Result<Group> group(const std::string& name, std::optional<std::string> filter = {}) {
    return finished(TRY(wait<Group>(
        [&](auto done) { store_->add_group({.name = name, .description = "d", .filter = filter, .created_by = "op"}, done); })));
  }
  Result<Group> change(const Group& group) {
    return finished(TRY(wait<Group>([&](auto done) { store_->change_group(group, done); })));
  }
  Result<> fill(const Group& draft) {
    const auto devices = TRY(store_->group_candidates(draft));
    return wait<>([&](auto done) { store_->fill_group(draft.id, devices, done); });
  }
  Result<Group> finished(const Group& group) {
    if (!group.draft) return group;
    TRY(fill(group));
    return wait<Group>([&](auto done) { store_->finish_group(group, done); });
  }
  Result<> clear_remnants() {
    auto remnants = TRY(store_->group_remnants());
    remnants.gone.insert(remnants.gone.end(), remnants.drafts.begin(), remnants.drafts.end());
    for (const std::uint64_t one : remnants.gone)
      while (TRY(wait<bool>([&](auto done) { store_->clear_group(one, done); }))) {
      }
    return {};
  }
  Result<> tag(const std::string& name, MemberChange devices) {
    return wait<>([&](auto done) { store_->change_tag(name, std::move(devices), done); });
  }
  Result<bool> attributes(const std::string& device, Attributes values) {
    return wait<bool>([&](auto done) { store_->set_attributes(device, std::move(values), done); });
  }
  Result<DeletedRelease> delete_release(std::uint64_t id) {
    TRY(wait<>([&](auto done) { store_->begin_delete_release(id, done); }));
    if (const Result<> unused = store_->check_deletable(id); !unused) {
      TRY(wait<>([&](auto done) { store_->keep_release(id, done); }));
      return std::unexpected(unused.error());
    }
    while (TRY(wait<bool>([&](auto done) { store_->forget_release(id, done); }))) {
    }
    return wait<DeletedRelease>([&](auto done) { store_->end_delete_release(id, done); });
  }
  // An accepted device with a deployment.
  Deployment assigned(const std::string& device) {
    EXPECT_TRUE(enrol(device, "key of " + device));
    EXPECT_TRUE(set_status(device, DeviceStatus::accepted));
    return deploy(add_release("2").id, {device}).value().front();
  }
  std::unique_ptr<Store> store_;
};

// The part of the contract that rollout_store.hpp has; store_rollouts_test.cpp.
class StoreRollouts : public StoreContract {
 protected:
  void make_fleet();
  Result<Rollout> add(RolloutPlan plan);  // with its members, ready
  Rollout running_with_a_retry();         // a fleet of its own, and a rollout to all of it
  Result<std::vector<Member>> add_members(std::uint64_t rollout, std::vector<Candidate> those);
  Result<std::vector<Member>> gather(std::uint64_t rollout) { return add_members(rollout, store_->candidates(rollout).value()); }
  std::vector<Deployment> withdraw(std::uint64_t rollout);
  RolloutPlan plan(const std::string& filter = "name==*") const;
  MoveOutcome move(Rollout rollout, RolloutState state, RolloutEvent event, RolloutAction action);
  Result<OfferOutcome> offer(std::uint64_t rollout, const std::vector<std::string>& names);
  Member member(std::uint64_t rollout, const std::string& name);
  Release release_;
};

// The part about what is only downloaded; store_holds_test.cpp.
class StoreHolds : public StoreRollouts {
 protected:
  Deployment hold(const std::string& device) {
    NewDeployments wanted{.release = release_.id, .devices = {device}, .created_by = "op", .now_ms = 2000};
    wanted.policy = {.consent = true, .download_only = true};
    return wait<std::vector<Deployment>>([&](auto done) { store_->add_deployments(wanted, done); }).value().front();
  }
  Result<Deployment> let_go(std::uint64_t deployment) {
    return wait<Deployment>([&](auto done) { store_->release_deployment(deployment, "op", 3000, done); });
  }
  Result<std::vector<Deployment>> let_go_all(std::uint64_t rollout) {
    TRY(wait<>([&](auto done) { store_->release_rollout(rollout, "op", 3000, done); }));
    const auto held = TRY(store_->under_way(rollout, RolloutStore::Which::held));
    return wait<std::vector<Deployment>>([&](auto done) { store_->let_go_of_some(rollout, held, 3000, done); });
  }
};

// The part about how devices have been; store_health_test.cpp.
class StoreHealth : public StoreRollouts {
 protected:
  Result<> put(const std::string& device, std::vector<protocol::Vitals::Version> versions);
  static protocol::Vitals::Version version(const std::string& name, std::uint64_t began, std::uint64_t hours, std::uint64_t crashes,
                                           double temperature);
  ReleaseHealth health(std::optional<std::uint64_t> rollout = {}, std::uint64_t after = 0);
};

// The part of the contract that ddi_store.hpp has; store_ddi_test.cpp. Its device is "d".
class StoreDdi : public StoreContract {
 protected:
  Result<Device> add(const std::string& name, std::optional<std::string> token = {}) {
    DdiRegistration registration{.name = name, .product = "p", .hardware = "h", .now_ms = 1000};
    if (token) registration.token_hash = digest(*token);
    return wait<Device>([&](auto done) { store_->register_ddi_device(registration, done); });
  }
  Result<DdiOutcome> say(std::uint64_t deployment, std::optional<UpdateState> state, Closing closing = Closing::open,
                         bool withdrawal = false) {
    const DdiFeedback feedback{.device = "d",
                               .deployment = deployment,
                               .state = state,
                               .closing = closing,
                               .message = "m",
                               .of_withdrawal = withdrawal,
                               .now_ms = 3000};
    return wait<DdiOutcome>([&](auto done) { store_->apply_feedback(feedback, done); });
  }
  Result<DdiOutcome> finish(std::uint64_t deployment, UpdateState state) { return say(deployment, state, Closing::closed); }
  Result<Deployment> cancel(std::uint64_t deployment) {
    return wait<Deployment>([&](auto done) { store_->cancel_deployment(deployment, "op", 2500, done); });
  }
  std::uint64_t assign(const std::string& version = "2") { return deploy(add_release(version).id, {"d"}).value().front().id; }
  DdiDevice known() { return store_->ddi_devices().value().front(); }
};

// The part that delta_store.hpp has; store_deltas_test.cpp.
class StoreDeltas : public StoreContract {
 protected:
  Result<DeltaStore::AddedDelta> add(std::uint64_t release, const std::string& from, const std::string& content,
                                     std::vector<std::string> hardware = {"h"}) {
    Delta delta{.release = release,
                .from_version = from,
                .hardware = std::move(hardware),
                .sources = {{"rootfs", to_hex(digest("old"))}},
                .size_bytes = content.size(),
                .sha256 = digest(content),
                .created_ms = 5,
                .wanted_ms = 5};
    return wait<DeltaStore::AddedDelta>([&](auto done) { store_->add_delta(delta, done); });
  }
  Result<std::vector<Digest>> drop(std::uint64_t id) {
    return wait<std::vector<Digest>>([&](auto done) { store_->delete_delta(id, done); });
  }
  protocol::Report told(std::uint64_t deployment, std::uint64_t sequence, protocol::Download download) {
    protocol::Report report = step(deployment, sequence, UpdateState::verified);
    report.download = download;
    return report;
  }
};

// The part that quota.hpp has; store_quotas_test.cpp.
class StoreQuotas : public StoreRollouts {
 protected:
  void limit(const Json& quotas) { store_->set_limits(changed_limits({}, quotas).value()); }
  std::uint64_t used(Quota quota) { return store_->quota_use().value().used[static_cast<std::size_t>(quota)]; }
  std::uint64_t refused(Quota quota) { return store_->quota_use().value().refused[static_cast<std::size_t>(quota)]; }
  Result<User> user(const std::string& name) {
    const User wanted{.name = name, .password = "x", .roles = 31};
    return wait<User>([&](auto done) { store_->add_user(wanted, done); });
  }
  Result<AccessToken> token(const std::string& of, const std::string& secret, AccessToken::Kind kind) {
    const AccessToken wanted{.kind = kind, .user = of, .hash = digest(secret), .note = ""};
    return wait<AccessToken>([&](auto done) { store_->add_access_token(wanted, done); });
  }
  Result<Release> release(const std::string& version, std::uint64_t size_bytes) {
    const Release wanted{.product = "p", .hardware = {"h"}, .version = version, .size_bytes = size_bytes, .sha256 = digest(version)};
    return wait<Release>([&](auto done) { store_->add_release(wanted, done); });
  }
  Result<DeltaStore::AddedDelta> delta(std::uint64_t to, const std::string& from, std::uint64_t size_bytes) {
    const Delta wanted{.release = to,
                       .from_version = from,
                       .hardware = {"h"},
                       .size_bytes = size_bytes,
                       .sha256 = digest(from + std::to_string(size_bytes))};
    return wait<DeltaStore::AddedDelta>([&](auto done) { store_->add_delta(wanted, done); });
  }
  Result<Rollout> rollout(std::uint64_t of) {
    return add({.name = "r", .release = of, .filter = "name==*", .waves = {{.permille = 1000, .count = {}, .soak_s = 0}}});
  }
  Result<> put_log(const std::string& device, std::uint64_t deployment, std::string text, std::uint64_t now_ms) {
    return wait<>([&](auto done) { store_->put_log(device, deployment, std::move(text), now_ms, done); });
  }
};

}  // namespace aloft::fleet
