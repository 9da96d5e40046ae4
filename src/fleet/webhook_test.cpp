#include "fleet/webhook.hpp"

#include <gtest/gtest.h>

namespace aloft::fleet {
namespace {

constexpr std::uint64_t kDay = 86'400'000;

WebhookMessage message(std::uint64_t place) {
  return {.topic = WebhookTopic::deployment, .place = place, .time_ms = 5, .content = {{"id", 7}}};
}
WebhookAttempt answer(std::uint64_t status) { return {.status = status, .error = "", .took_ms = 3}; }

TEST(Webhook, SaysTheSameInEveryAttempt) {
  EXPECT_EQ(text_of(message(12)), R"({"deployment":{"id":7},"event":"deployment","id":"deployment-12","time_ms":5})");
}

TEST(Webhook, MovesOnOnceItWasTaken) {
  Webhook webhook{.attempts = 3, .next_ms = 9, .failing_since_ms = 1};
  note_attempt(webhook, message(12), answer(204), 100);
  EXPECT_EQ(webhook.told, (std::array<std::uint64_t, kWebhookTopics>{0, 12, 0}));
  EXPECT_EQ(webhook.attempts + webhook.next_ms + webhook.failing_since_ms, 0U);
}

TEST(Webhook, WaitsLongerAfterEachFailureUpToAnHour) {
  Webhook webhook;
  std::uint64_t now = 1000;
  for (const std::uint64_t delay : {1000U, 2000U, 4000U, 8000U}) {
    note_attempt(webhook, message(12), answer(500), now);
    EXPECT_EQ(webhook.next_ms, now + delay);
    now = webhook.next_ms;
  }
  for (int i = 0; i < 40; ++i) note_attempt(webhook, message(12), {.status = {}, .error = "refused", .took_ms = 0}, now);
  EXPECT_EQ(webhook.next_ms, now + kMostRetryDelayMs);
  EXPECT_EQ(webhook.told[1], 0U) << "what was not taken is next";
  EXPECT_TRUE(webhook.active);
}

TEST(Webhook, IsSwitchedOffAfterDaysOfFailing) {
  Webhook webhook;
  note_attempt(webhook, message(12), answer(302), 1000);
  note_attempt(webhook, message(12), answer(302), 999 + 3 * kDay);
  EXPECT_TRUE(webhook.active);
  note_attempt(webhook, message(12), answer(302), 1000 + 3 * kDay);
  EXPECT_FALSE(webhook.active);
  EXPECT_NE(webhook.off_reason.find("3 days"), std::string::npos);
}

TEST(Webhook, IsSwitchedOffWhenTheReceiverIsGone) {
  Webhook webhook;
  note_attempt(webhook, message(12), answer(410), 1000);
  EXPECT_FALSE(webhook.active);
}

}  // namespace
}  // namespace aloft::fleet
