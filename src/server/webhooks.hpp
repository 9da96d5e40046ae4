// Tells the webhooks' receivers, one message after the other for each; what they did not take is told again later, also after a restart.
// On the loop's thread, but for the sending.
#pragma once

#include <map>
#include <memory>

#include "base/clock.hpp"
#include "fleet/store.hpp"
#include "httpd/tasks.hpp"
#include "httpd/workers.hpp"
#include "server/changes.hpp"

namespace aloft::server {

enum class WebhookTargets : std::uint8_t { public_only, any };

// "t=SECONDS,v1=HEX": the HMAC-SHA256 of "SECONDS.BODY" by the webhook's secret, as its receiver checks it.
std::string webhook_signature(std::string_view secret, std::uint64_t seconds, std::string_view body);

class Webhooks {
 public:
  // All references outlive it.
  Webhooks(httpd::Tasks& tasks, fleet::Store& store, Changes& changes, Clock& clock, WebhookTargets targets);
  // Those that are active, until stop(), which waits for no receiver longer than the 10 s that one attempt may take.
  void begin();
  void stop();
  // This one was made or changed.
  void changed(std::uint64_t id);

 private:
  struct Runner {
    explicit Runner(const boost::asio::any_io_executor& executor) : sleeper(executor) {}
    httpd::Sleeper sleeper;
  };
  httpd::Awaitable<void> run(std::uint64_t id, std::shared_ptr<Runner> runner);
  // Whether there was something to tell; until_ms: not before.
  httpd::Awaitable<Result<bool>> tell_next(std::uint64_t id, std::uint64_t& until_ms);
  fleet::WebhookAttempt send(const fleet::Webhook& webhook, const fleet::WebhookMessage& message) const;
  void wake_all();
  std::uint64_t now_ms() const;

  httpd::Tasks& tasks_;
  fleet::Store& store_;
  Clock& clock_;
  const WebhookTargets targets_;
  std::map<std::uint64_t, std::shared_ptr<Runner>> runners_;
  bool stopping_ = false;
  httpd::Workers senders_{4};
};

}  // namespace aloft::server
