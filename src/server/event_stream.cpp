#include "server/event_stream.hpp"

#include <boost/asio/this_coro.hpp>

#include "server/json_forms.hpp"

namespace aloft::server {
namespace {

constexpr std::chrono::seconds kStreamKeepAlive{15};
constexpr std::size_t kTransitionsAtOnce = 256;

std::string as_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

Result<std::string> EventStream::news() {
  const fleet::Deployment deployment = TRY(store_.deployment(deployment_));
  const std::vector<fleet::Transition> transitions = TRY(store_.transitions(deployment_, after_, kTransitionsAtOnce));
  std::string text;
  for (const fleet::Transition& transition : transitions) {
    after_ = transition.id;
    text += "id: " + std::to_string(transition.id) + "\nevent: transition\ndata: " + as_line(to_json(transition)) + "\n\n";
  }
  if (transitions.size() < kTransitionsAtOnce && protocol::is_final(deployment.state)) {
    text += "event: end\ndata: " + as_line(to_json(deployment)) + "\n\n";
    ended_ = true;
  }
  return text;
}

httpd::Awaitable<std::optional<std::string>> EventStream::next() {
  if (ended_ || departure_.rung() || !still_may_()) co_return std::nullopt;
  Result<std::string> found = news();
  if (!found) co_return std::nullopt;
  if (!found->empty()) co_return *std::move(found);
  httpd::Sleeper sleeper(co_await boost::asio::this_coro::executor);
  const httpd::Bell::Listener changes(*bell_, sleeper);
  const httpd::Bell::Listener leaving(departure_, sleeper);
  co_await sleeper.sleep_until(std::chrono::steady_clock::now() + kStreamKeepAlive);
  if (departure_.rung() || !still_may_()) co_return std::nullopt;
  found = news();
  if (!found) co_return std::nullopt;
  co_return found->empty() ? std::string(":\n\n") : *std::move(found);
}

}  // namespace aloft::server
