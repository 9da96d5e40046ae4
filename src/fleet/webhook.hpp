// Addresses that are told what happens. What is told is read from what the store keeps anyway (events of rollouts, transitions, the audit
// log) from a place on that only moves once the receiver has answered: nothing is lost, and nothing is written twice.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace aloft::fleet {

inline constexpr std::size_t kMaxWebhooks = 50;
inline constexpr std::size_t kMaxWebhookUrlBytes = 2048;
inline constexpr std::size_t kKeptDeliveries = 500;  // of each webhook
inline constexpr std::uint64_t kMostRetryDelayMs = 3'600'000;
inline constexpr std::uint64_t kGiveUpAfterMs = 3ULL * 86'400'000;  // of failing; then the webhook is switched off

enum class WebhookTopic : std::uint8_t { rollout, deployment, audit };
inline constexpr std::size_t kWebhookTopics = 3;
std::string_view to_string(WebhookTopic topic);
Result<WebhookTopic> webhook_topic_of(std::string_view name);  // kBadWebhook

struct Webhook {
  std::uint64_t id = 0;
  std::string url;
  std::array<bool, kWebhookTopics> topics{};
  std::string secret;  // signs what is sent; never shown again
  std::string note;
  std::uint64_t created_ms = 0;
  std::string created_by;
  bool active = true;
  std::array<std::uint64_t, kWebhookTopics> told{};  // the last place of each topic that is done with
  std::uint64_t attempts = 0;                        // that failed, of the message that is next
  std::uint64_t next_ms = 0;                         // not before
  std::uint64_t failing_since_ms = 0;                // 0: it is not
  std::string off_reason;                            // why the server switched it off
};

struct WebhookChange {
  std::uint64_t id = 0;
  std::optional<bool> active;                              // true begins with what happens from now on
  std::optional<std::array<bool, kWebhookTopics>> topics;  // so does one that is added
  std::optional<std::string> note;
};

struct WebhookMessage {
  WebhookTopic topic = WebhookTopic::rollout;
  std::uint64_t place = 0;  // the row's
  std::uint64_t time_ms = 0;
  Json content;
};
// "rollout-12": the same in every attempt.
std::string id_of(const WebhookMessage& message);
// What is sent.
std::string text_of(const WebhookMessage& message);

struct WebhookAttempt {
  std::optional<std::uint64_t> status;  // none: no answer
  std::string error;                    // then, why
  std::uint64_t took_ms = 0;
};
struct WebhookDelivery {
  std::uint64_t id = 0;
  std::string message;
  std::uint64_t attempt = 0;  // from 1
  std::uint64_t time_ms = 0;
  WebhookAttempt outcome;
};

// What an attempt means for the webhook: 2xx moves on; 410 (Gone) switches it off; anything else is tried again after 1 s, 2 s, 4 s, up to
// an hour, until it has failed for kGiveUpAfterMs.
void note_attempt(Webhook& webhook, const WebhookMessage& message, const WebhookAttempt& attempt, std::uint64_t now_ms);

}  // namespace aloft::fleet
