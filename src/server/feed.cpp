#include "server/feed.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "httpd/elsewhere.hpp"
#include "server/errors.hpp"

namespace aloft::server {
namespace {

constexpr std::chrono::seconds kFeedKeepAlive{15};
constexpr std::chrono::milliseconds kFeedGather{200};
constexpr std::size_t kChangesAtOnce = 512;

std::string message(std::uint64_t id, const std::string& event, const std::string& data) {
  return "id: " + std::to_string(id) + "\nevent: " + event + "\ndata: " + data + "\n\n";
}

std::string text_of(const Json& data) { return data.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Put together by hand: the start of a rollout to a million devices says it a million times.
std::string text_of(const fleet::Deployment& deployment) {
  std::string text = "{\"deployment\":" + std::to_string(deployment.id) + ",\"device\":" + text_of(Json(deployment.device));
  if (deployment.rollout) text += ",\"rollout\":" + std::to_string(*deployment.rollout);
  return text + ",\"state\":\"" + std::string(protocol::to_string(deployment.state)) + "\"}";
}

}  // namespace

// One who watches.
class Feed::Stream {
 public:
  Stream(Feed& feed, httpd::Bell& departure, std::function<bool()> still_may, std::uint64_t after)
      : feed_(feed), departure_(departure), still_may_(std::move(still_may)), after_(after) {}

  httpd::Awaitable<std::optional<std::string>> next() {
    if (!greeted_) {
      greeted_ = true;
      co_return message(after_, "hello", "{}");
    }
    httpd::Sleeper sleeper(co_await boost::asio::this_coro::executor);
    const httpd::Bell::Listener leaving(departure_, sleeper);
    if (departure_.rung()) co_return std::nullopt;
    std::string news = feed_.since(after_);
    if (news.empty()) {
      const httpd::Bell::Listener changes(feed_.bell_, sleeper);
      co_await sleeper.sleep_until(std::chrono::steady_clock::now() + kFeedKeepAlive);
    }
    if (departure_.rung()) co_return std::nullopt;
    if (news.empty()) news = feed_.since(after_);
    // A stampede becomes a few messages.
    if (!news.empty()) co_await sleeper.sleep_until(std::chrono::steady_clock::now() + kFeedGather);
    if (departure_.rung() || !still_may_()) co_return std::nullopt;
    co_return news.empty() ? std::string(":\n\n") : news;
  }

 private:
  Feed& feed_;
  httpd::Bell& departure_;
  std::function<bool()> still_may_;
  std::uint64_t after_;
  bool greeted_ = false;
};

Feed::Feed(OperatorAccess& access, Changes& changes) : access_(access), last_(access.now_ms()), floor_(last_) {
  changes.follow({.device = [this](const std::string& name) { add("device", text_of(Json{{"device", name}})); },
                  .deployment = [this](const fleet::Deployment& deployment) { add("deployment", text_of(deployment)); },
                  .groups = [this] { add("groups", "{}"); },
                  .rollout = [this](std::uint64_t id) { add("rollout", text_of(Json{{"rollout", id}})); }});
}

void Feed::add_routes(httpd::Router& router) {
  router.add({httpd::Method::get, "/api/v1/events", [this](httpd::Request& r) { return watch(r); }});
}

void Feed::add(std::string event, std::string text) {
  // The same again, and nobody can have seen the first yet in between other news: the later one stands for both.
  if (!changes_.empty() && changes_.back().event == event && changes_.back().data == text) {
    changes_.back().id = ++last_;
  } else {
    changes_.push_back({.id = ++last_, .event = std::move(event), .data = std::move(text)});
  }
  if (changes_.size() > kMaxRememberedChanges) {
    floor_ = changes_.front().id;
    changes_.pop_front();
  }
  bell_.ring();
}

std::string Feed::since(std::uint64_t& after) const {
  if (after == last_) return {};
  if (after > last_ || after < floor_) {
    after = last_;
    return message(last_, "reset", "{}");
  }
  std::string text;
  std::size_t count = 0;
  auto at = std::ranges::upper_bound(changes_, after, {}, &Change::id);
  for (; at != changes_.end() && count < kChangesAtOnce; ++at, ++count) {
    text += message(at->id, at->event, at->data);
    after = at->id;
  }
  return text;
}

httpd::Awaitable<Result<httpd::Response>> Feed::watch(httpd::Request& request) {
  const fleet::AccessToken token = CO_TRY(access_.check(request));
  const std::string_view header = request.header("last-event-id");
  const auto after = header.empty() ? std::optional(last_) : whole_number(header);
  if (!after) co_return fail(kBadParameter, "Last-Event-ID must be the id of an event");
  auto stream = std::make_shared<Stream>(*this, request.departure, access_.still_may(request, token), *after);
  httpd::Response response{.headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}};
  response.body = httpd::LiveBody([stream] { return stream->next(); });
  co_return response;
}

}  // namespace aloft::server
