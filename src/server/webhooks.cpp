#include "server/webhooks.hpp"

#include <openssl/hmac.h>

#include <array>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/unix_time.hpp"
#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"
#include "net/http_client.hpp"

namespace aloft::server {
namespace {

constexpr std::chrono::seconds kAuditLook{5};  // when nothing rings: for the audit log, which rings nothing
constexpr std::chrono::seconds kAttemptLimit{10};
constexpr std::uint64_t kMaxAnswerBytes = 64U << 10;

}  // namespace

std::string webhook_signature(std::string_view secret, std::uint64_t seconds, std::string_view body) {
  std::array<unsigned char, 32> mac{};
  unsigned size = 0;
  const std::string text = std::to_string(seconds) + "." + std::string(body);
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       mac.data(), &size);
  return "t=" + std::to_string(seconds) + ",v1=" + to_hex(std::as_bytes(std::span(mac)));
}

Webhooks::Webhooks(httpd::Tasks& tasks, fleet::Store& store, Changes& changes, Clock& clock, WebhookTargets targets)
    : tasks_(tasks), store_(store), clock_(clock), targets_(targets) {
  changes.follow({.device = {},
                  .deployment =
                      [this](const fleet::Deployment& deployment) {
                        if (protocol::is_final(deployment.state)) wake_all();
                      },
                  .groups = {},
                  .rollout = [this](std::uint64_t) { wake_all(); }});
}

std::uint64_t Webhooks::now_ms() const { return unix_ms(clock_.now()); }

void Webhooks::begin() {
  const auto found = store_.webhooks();
  if (!found) log::warning("the webhooks cannot be read: " + found.error().text());
  if (found)
    for (const fleet::Webhook& webhook : *found)
      if (webhook.active) changed(webhook.id);
}

void Webhooks::stop() {
  stopping_ = true;
  wake_all();
}

void Webhooks::wake_all() {
  for (const auto& [id, runner] : runners_) runner->sleeper.wake();
}

void Webhooks::changed(std::uint64_t id) {
  const auto found = runners_.find(id);
  if (found != runners_.end()) return found->second->sleeper.wake();
  const auto runner = std::make_shared<Runner>(tasks_.loop().get_executor());
  runners_.emplace(id, runner);
  tasks_.begin(run(id, runner));
}

httpd::Awaitable<void> Webhooks::run(std::uint64_t id, std::shared_ptr<Runner> runner) {
  while (!stopping_) {
    std::uint64_t until_ms = 0;
    const Result<bool> told = co_await tell_next(id, until_ms);
    if (!told) break;  // deleted, or off
    if (*told) continue;
    const std::uint64_t now = now_ms();
    const std::chrono::milliseconds pause =
        until_ms > now ? std::chrono::milliseconds(until_ms - now) : std::chrono::milliseconds(kAuditLook);
    co_await runner->sleeper.sleep_until(std::chrono::steady_clock::now() + pause);
  }
  runners_.erase(id);
}

httpd::Awaitable<Result<bool>> Webhooks::tell_next(std::uint64_t id, std::uint64_t& until_ms) {
  const Result<fleet::Webhook> webhook = store_.webhook(id);
  if (!webhook) co_return std::unexpected(webhook.error());
  if (!webhook->active) co_return fail(fleet::kWebhookUnknown, "it is off");
  until_ms = webhook->next_ms;
  if (until_ms > now_ms()) co_return false;
  const Result<std::optional<fleet::WebhookMessage>> message = store_.next_message(*webhook, now_ms());
  if (!message) {
    until_ms = now_ms() + 10'000;
    log::warning("webhook " + std::to_string(id) + " cannot be told: " + message.error().text());
    co_return false;
  }
  if (!*message) co_return false;
  auto work = [this, &webhook, &message] { return send(*webhook, **message); };
  const fleet::WebhookAttempt attempt = co_await httpd::offloaded(senders_, work);
  auto start = [&](auto done) { store_.record_attempt(id, **message, attempt, now_ms(), done); };
  const Result<fleet::Webhook> after = co_await httpd::delivered<Result<fleet::Webhook>>(start);
  if (!after) {
    until_ms = now_ms() + 10'000;  // it comes again, under the same id
    co_return false;
  }
  if (!after->active) log::warning("webhook " + std::to_string(id) + " is off: " + after->off_reason);
  until_ms = after->next_ms;
  co_return after->next_ms == 0;
}

fleet::WebhookAttempt Webhooks::send(const fleet::Webhook& webhook, const fleet::WebhookMessage& message) const {
  const auto began = clock_.steady();
  const auto took = [&] { return static_cast<std::uint64_t>((clock_.steady() - began).count()); };
  const auto client = net::HttpClient::create({.trust = net::SystemTrust{}, .client = {}});
  if (!client) return {.status = {}, .error = client.error().text(), .took_ms = took()};
  net::Request request;
  request.method = "POST";
  request.url = webhook.url;
  request.body = fleet::text_of(message);
  request.headers = {{"Content-Type", "application/json"},
                     {"X-Aloft-Event", std::string(fleet::to_string(message.topic))},
                     {"X-Aloft-Delivery", fleet::id_of(message)},
                     {"X-Aloft-Signature", webhook_signature(webhook.secret, now_ms() / 1000, request.body)}};
  request.max_body_bytes = kMaxAnswerBytes;
  request.timeouts.connect = kAttemptLimit;
  request.timeouts.total = kAttemptLimit;
  request.reach = targets_ == WebhookTargets::any ? net::Reach::any : net::Reach::public_only;
  const auto response = (*client)->send(request);
  if (!response) return {.status = {}, .error = response.error().text(), .took_ms = took()};
  return {.status = response->status, .error = "", .took_ms = took()};
}

}  // namespace aloft::server
