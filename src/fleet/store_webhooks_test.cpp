// What every Store must do with webhooks.
#include "fleet/errors.hpp"
#include "fleet/store_contract.hpp"

namespace aloft::fleet {
namespace {

Webhook hook(Store& store, std::array<bool, kWebhookTopics> topics) {
  const Webhook wanted{.url = "https://x", .topics = topics, .secret = "s", .note = "n", .created_ms = 5, .created_by = "op"};
  return wait<Webhook>([&](auto done) { store.add_webhook(wanted, done); }).value();
}

Webhook attempt(Store& store, std::uint64_t id, const WebhookMessage& message, std::optional<std::uint64_t> status, std::uint64_t now_ms) {
  const WebhookAttempt outcome{.status = status, .error = status ? "" : "refused", .took_ms = 1};
  return wait<Webhook>([&](auto done) { store.record_attempt(id, message, outcome, now_ms, done); }).value();
}

TEST_P(StoreContract, WebhooksAreToldWhatComesAfterThemInOrder) {
  const Deployment before = assigned("a");
  EXPECT_TRUE(report("a", {step(before.id, 1, UpdateState::failed)}));
  Webhook webhook = hook(*store_, {false, true, false});
  EXPECT_FALSE(store_->next_message(webhook, 0)->has_value()) << "what happened before is not told";
  const Deployment one = deploy(*before.release, {"a"})->front();
  EXPECT_TRUE(report("a", {step(one.id, 1, UpdateState::downloading), step(one.id, 2, UpdateState::rolled_back)}));
  const Deployment two = deploy(*before.release, {"a"})->front();
  EXPECT_TRUE(report("a", {step(two.id, 1, UpdateState::committed)}));
  const WebhookMessage first = store_->next_message(webhook, 0)->value();
  EXPECT_EQ(first.content.at("id"), one.id);
  EXPECT_EQ(first.content.at("state"), "rolled-back");
  webhook = attempt(*store_, webhook.id, first, 500, 1000);
  EXPECT_EQ(webhook.next_ms, 2000U);
  EXPECT_EQ(id_of(store_->next_message(webhook, 0)->value()), id_of(first)) << "until it is taken";
  webhook = attempt(*store_, webhook.id, first, 200, 2000);
  const WebhookMessage second = store_->next_message(webhook, 0)->value();
  EXPECT_EQ(second.content.at("id"), two.id);
  webhook = attempt(*store_, webhook.id, second, 200, 3000);
  EXPECT_FALSE(store_->next_message(store_->webhook(webhook.id).value(), 0)->has_value());
  const auto log = store_->deliveries(webhook.id, UINT64_MAX, 10).value();
  ASSERT_EQ(log.size(), 3U);
  EXPECT_EQ(log[1].attempt, 2U);
  EXPECT_EQ(log[2].outcome.status, 500U);
}

TEST_P(StoreContract, WebhooksSwitchedOnAgainBeginAnew) {
  Webhook webhook = hook(*store_, {false, false, true});
  const auto audit = [&](const std::string& path) {
    const AuditEntry entry{.time_ms = 1000, .user = "op", .method = "POST", .path = path};
    return wait<std::uint64_t>([&](auto done) { store_->begin_audit(entry, done); }).value();
  };
  const std::uint64_t id = audit("/a");
  EXPECT_FALSE(store_->next_message(webhook, 2000)->has_value()) << "it has no outcome yet";
  EXPECT_TRUE(store_->next_message(webhook, 100'000)->has_value()) << "and will have none";
  EXPECT_TRUE(wait<>([&](auto done) { store_->end_audit(id, 201, 0, done); }));
  EXPECT_EQ(store_->next_message(webhook, 2000)->value().content.at("status"), 201);
  const auto change = [&](bool active) {
    return wait<Webhook>([&](auto done) { store_->change_webhook({.id = webhook.id, .active = active, .topics = {}, .note = {}}, done); })
        .value();
  };
  EXPECT_FALSE(change(false).active);
  webhook = change(true);
  EXPECT_EQ(webhook.secret, "s");
  EXPECT_FALSE(store_->next_message(webhook, 2000)->has_value());
}

TEST_P(StoreContract, WebhooksBeginWithATopicWhenItIsAdded) {
  Webhook webhook = hook(*store_, {true, false, false});
  const Deployment before = assigned("a");
  EXPECT_TRUE(report("a", {step(before.id, 1, UpdateState::failed)}));
  const WebhookChange wider{.id = webhook.id, .active = {}, .topics = std::array{true, true, false}, .note = {}};
  webhook = wait<Webhook>([&](auto done) { store_->change_webhook(wider, done); }).value();
  EXPECT_FALSE(store_->next_message(webhook, 0)->has_value());
  const Deployment after = deploy(*before.release, {"a"})->front();
  EXPECT_TRUE(report("a", {step(after.id, 1, UpdateState::committed)}));
  webhook = wait<Webhook>([&](auto done) { store_->change_webhook(wider, done); }).value();
  EXPECT_EQ(store_->next_message(webhook, 0)->value().content.at("id"), after.id) << "a topic that was on stays where it was";
}

TEST_P(StoreContract, WebhooksKeepABoundedLogAndGoWithIt) {
  const Webhook webhook = hook(*store_, {true, false, false});
  const WebhookMessage message{.topic = WebhookTopic::rollout, .place = 1, .time_ms = 1, .content = {}};
  for (std::size_t i = 0; i < kKeptDeliveries + 20; ++i)
    store_->record_attempt(webhook.id, message, {.status = 500, .error = "", .took_ms = 1}, i, [](const auto&) {});
  attempt(*store_, webhook.id, message, {}, 10'000);
  EXPECT_EQ(store_->deliveries(webhook.id, UINT64_MAX, 1000)->size(), kKeptDeliveries);
  EXPECT_EQ(store_->deliveries(webhook.id, UINT64_MAX, 1)->front().outcome.error, "refused");
  EXPECT_TRUE(wait<>([&](auto done) { store_->delete_webhook(webhook.id, done); }));
  EXPECT_EQ(store_->webhook(webhook.id).error().code.number, kWebhookUnknown.number);
  EXPECT_EQ(store_->deliveries(webhook.id, UINT64_MAX, 1).error().code.number, kWebhookUnknown.number);
  for (std::size_t i = 0; i < kMaxWebhooks; ++i) hook(*store_, {true, true, true});
  const auto one_more = wait<Webhook>([&](auto done) { store_->add_webhook({.url = "https://x", .secret = "s"}, done); });
  EXPECT_EQ(one_more.error().code.number, kTooMany.number);
}

}  // namespace
}  // namespace aloft::fleet
