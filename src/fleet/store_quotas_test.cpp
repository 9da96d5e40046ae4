// What every Store must do with quotas.
#include <atomic>
#include <random>
#include <thread>

#include "fleet/errors.hpp"
#include "fleet/store_contract.hpp"

namespace aloft::fleet {
namespace {

TEST_P(StoreQuotas, ADeviceTooManyStaysOutsideAndThoseInsideGoOn) {
  limit({{"devices", 2U}});
  EXPECT_TRUE(enrol("a"));
  const Deployment deployment = assigned("b");
  EXPECT_ERROR(enrol("c"), kQuotaReached);
  EXPECT_ERROR(store_->device("c"), kDeviceUnknown);
  add_token("secret");
  EXPECT_ERROR(enrol("c", "key", "secret"), kQuotaReached) << "a token opens the door, it makes no room";
  EXPECT_ERROR(
      wait<Device>([&](auto done) { store_->register_ddi_device({.name = "d", .product = "p", .hardware = "h", .now_ms = 1}, done); }),
      kQuotaReached);
  EXPECT_EQ(refused(Quota::devices), 3U);
  limit({{"devices", 0U}});
  EXPECT_TRUE(enrol("a")) << "it is known: the same again";
  EXPECT_EQ(enrol("a", "key", "secret")->status, DeviceStatus::accepted) << "the token was not used up";
  EXPECT_EQ(report("b", {step(deployment.id, 1, UpdateState::downloading)})->stored, 1U);
  EXPECT_TRUE(put_log("b", deployment.id, "text", 1));
  EXPECT_TRUE(attributes("b", {{"modem", "ec25"}}));
  limit({{"devices", 2U}});
  EXPECT_TRUE(wait<std::uint64_t>([&](auto done) { store_->delete_device("a", done); }));
  EXPECT_TRUE(enrol("c")) << "there is room again";
}

TEST_P(StoreQuotas, ReleasesAndDeltasShareTheBytes) {
  limit({{"artifact_bytes", 100U}, {"releases", 2U}});
  const Release one = release("1", 60).value();
  EXPECT_ERROR(release("2", 41), kQuotaBytes);
  EXPECT_TRUE(release("1", 60)) << "the same file again is no more";
  EXPECT_TRUE(delta(one.id, "0", 30));
  EXPECT_ERROR(delta(one.id, "0.5", 11), kQuotaBytes);
  EXPECT_TRUE(delta(one.id, "0", 40)) << "in place of the one before";
  EXPECT_EQ(used(Quota::artifact_bytes), 100U);
  EXPECT_TRUE(release("3", 0));
  EXPECT_ERROR(release("4", 0), kQuotaReached);
  EXPECT_TRUE(delete_release(one.id));
  EXPECT_EQ(used(Quota::artifact_bytes), 0U) << "its deltas went with it";
  EXPECT_EQ(used(Quota::releases), 1U);
}

TEST_P(StoreQuotas, OfTwoAtOnceOneIsTooMany) {
  limit({{"users", 5U}, {"artifact_bytes", 500U}});
  std::atomic<int> in = 0;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int n = 0; n < 10; ++n) {
        const std::string name = std::to_string(thread) + "-" + std::to_string(n);
        in += user(name) ? 1 : 0;
        in += release(name, 100) ? 1000 : 0;
      }
    });
  threads.clear();
  EXPECT_EQ(in, 5005);
  EXPECT_EQ(used(Quota::artifact_bytes), 500U);
  EXPECT_EQ(refused(Quota::users), 35U);
}

TEST_P(StoreQuotas, OperatorsThings) {
  limit({{"users", 1U}, {"api_tokens", 1U}, {"webhooks", 1U}, {"groups", 1U}, {"rollouts", 1U}, {"enrolment_tokens", 1U}});
  EXPECT_TRUE(user("op"));
  EXPECT_ERROR(user("other"), kQuotaReached);
  EXPECT_ERROR(user("op"), kUserExists) << "what is wrong besides is told first";
  EXPECT_TRUE(token("op", "a", AccessToken::Kind::api));
  EXPECT_ERROR(token("op", "b", AccessToken::Kind::api), kQuotaReached);
  for (const char* session : {"c", "d"}) EXPECT_TRUE(token("op", session, AccessToken::Kind::session)) << "whoever logs in is no script";
  EXPECT_TRUE(group("g"));
  EXPECT_ERROR(group("h", "name==x"), kQuotaReached);
  const Webhook hook{.url = "https://x", .secret = "s"};
  EXPECT_TRUE(wait<Webhook>([&](auto done) { store_->add_webhook(hook, done); }));
  EXPECT_ERROR(wait<Webhook>([&](auto done) { store_->add_webhook(hook, done); }), kQuotaReached);
  EXPECT_TRUE(enrol("a"));
  const std::uint64_t id = add_release("2").id;
  const Rollout first = rollout(id).value();
  EXPECT_ERROR(rollout(id), kQuotaReached);
  (void)move(first, RolloutState::aborted, RolloutEvent::abort, RolloutAction::none);
  EXPECT_TRUE(rollout(id)) << "one that has ended makes room";
  add_token("one");
  const EnrolmentToken more{.hash = digest("two"), .note = "", .created_ms = 1, .expires_ms = 5000};
  EXPECT_ERROR(wait<EnrolmentToken>([&](auto done) { store_->add_enrolment_token(more, done); }), kQuotaReached);
  EXPECT_TRUE(enrol("b", "key", "one"));
  EXPECT_TRUE(wait<EnrolmentToken>([&](auto done) { store_->add_enrolment_token(more, done); })) << "one that was used makes room";
}

TEST_P(StoreQuotas, TheOldestLogsMakeRoom) {
  std::vector<Deployment> deployments;
  for (const char* name : {"a", "b", "c"}) deployments.push_back(assigned(name));
  limit({{"log_bytes", kLeastLogBytes}});
  const std::string half(kLeastLogBytes / 2, 'x');
  for (std::size_t n = 0; n < 3; ++n) EXPECT_TRUE(put_log(deployments[n].device, deployments[n].id, half, n));
  EXPECT_ERROR(store_->log(deployments[0].id), kLogUnknown);
  EXPECT_TRUE(store_->log(deployments[1].id));
  EXPECT_EQ(used(Quota::log_bytes), kLeastLogBytes);
  EXPECT_TRUE(put_log("b", deployments[1].id, half, 9)) << "again, in place of the first";
  EXPECT_TRUE(store_->log(deployments[2].id));
  EXPECT_TRUE(put_log("a", deployments[0].id, std::string(kLeastLogBytes + 1, 'x'), 10)) << "a device's log is never refused";
  EXPECT_EQ(used(Quota::log_bytes), kLeastLogBytes + 1);
  EXPECT_TRUE(put_log("a", deployments[0].id, std::string("\0\xc3\xa4", 3), 11));
  EXPECT_EQ(used(Quota::log_bytes), 3U) << "bytes, not characters";
  EXPECT_TRUE(wait<std::uint64_t>([&](auto done) { store_->delete_device("a", done); }));
  EXPECT_EQ(used(Quota::log_bytes), 0U) << "it goes with its device";
}

// Whatever comes and goes, what is counted is what is there.
TEST_P(StoreQuotas, TheCountsAreRightAfterAnything) {
  std::mt19937 chance(7);
  std::vector<std::uint64_t> releases;
  std::vector<std::uint64_t> deltas;
  for (int round = 0; round < 300; ++round) {
    const std::string name = std::to_string(chance() % 20);
    switch (chance() % 8) {
      case 0: (void)enrol(name, name); break;
      case 1: (void)wait<std::uint64_t>([&](auto done) { store_->delete_device(name, done); }); break;
      case 2:
        if (const auto made = release(name, chance() % 1000)) releases.push_back(made->id);
        break;
      case 3:
        if (!releases.empty()) {
          const std::uint64_t id = releases[chance() % releases.size()];
          (void)delete_release(id);
        }
        break;
      case 4:
        if (!releases.empty())
          if (const auto made = delta(releases[chance() % releases.size()], name, chance() % 100)) deltas.push_back(made->delta.id);
        break;
      case 5:
        if (!deltas.empty()) {
          const std::uint64_t id = deltas[chance() % deltas.size()];
          (void)wait<std::vector<Digest>>([&](auto done) { store_->delete_delta(id, done); });
        }
        break;
      case 6: (void)group(name, chance() % 2 == 0 ? std::optional("name==" + name) : std::nullopt); break;
      case 7: (void)wait<>([&](auto done) { store_->delete_group(name, done); }); break;
    }
  }
  std::uint64_t bytes = 0;
  const std::vector<Release> all_releases = store_->releases({.limit = 1000}).value();
  const std::vector<Delta> all_deltas = store_->deltas().value();
  for (const Release& one : all_releases) bytes += one.size_bytes;
  for (const Delta& one : all_deltas) bytes += one.size_bytes;
  EXPECT_EQ(used(Quota::artifact_bytes), bytes);
  EXPECT_EQ(used(Quota::releases), all_releases.size());
  EXPECT_EQ(used(Quota::devices), store_->devices({.limit = 1000})->size());
  EXPECT_EQ(used(Quota::groups), store_->groups()->size());
}

}  // namespace
}  // namespace aloft::fleet
