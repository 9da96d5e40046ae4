#include "fleet/webhook.hpp"

#include <algorithm>

#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

constexpr std::array<std::string_view, kWebhookTopics> kTopics{"rollout", "deployment", "audit"};
constexpr std::uint64_t kGone = 410;

}  // namespace

std::string_view to_string(WebhookTopic topic) { return kTopics[static_cast<std::size_t>(topic)]; }

Result<WebhookTopic> webhook_topic_of(std::string_view name) {
  const auto found = std::ranges::find(kTopics, name);
  if (found == kTopics.end()) return fail(kBadWebhook, "a webhook's events are rollout, deployment and audit");
  return static_cast<WebhookTopic>(found - kTopics.begin());
}

std::string id_of(const WebhookMessage& message) { return std::string(to_string(message.topic)) + "-" + std::to_string(message.place); }

std::string text_of(const WebhookMessage& message) {
  const std::string topic(to_string(message.topic));
  const Json json{{"id", id_of(message)}, {"event", topic}, {"time_ms", message.time_ms}, {topic, message.content}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void note_attempt(Webhook& webhook, const WebhookMessage& message, const WebhookAttempt& attempt, std::uint64_t now_ms) {
  if (attempt.status && *attempt.status >= 200 && *attempt.status < 300) {
    std::uint64_t& told = webhook.told[static_cast<std::size_t>(message.topic)];
    told = std::max(told, message.place);
    webhook.attempts = webhook.next_ms = webhook.failing_since_ms = 0;
    return;
  }
  const std::uint64_t doublings = std::min<std::uint64_t>(webhook.attempts, 20);
  webhook.next_ms = now_ms + std::min(kMostRetryDelayMs, std::uint64_t{1000} << doublings);
  ++webhook.attempts;
  if (webhook.failing_since_ms == 0) webhook.failing_since_ms = now_ms;
  const bool gone = attempt.status == kGone;
  if (!gone && now_ms < webhook.failing_since_ms + kGiveUpAfterMs) return;
  webhook.active = false;
  webhook.off_reason =
      gone ? "the receiver answered 410: gone" : "it has failed for " + std::to_string(kGiveUpAfterMs / 86'400'000) + " days";
}

}  // namespace aloft::fleet
