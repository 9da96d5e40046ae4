#include "cli/server_watch.hpp"

#include <poll.h>

#include "cli/server_errors.hpp"
#include "cli/terminal.hpp"
#include "net/errors.hpp"
#include "net/event_stream.hpp"

namespace aloft::cli {
namespace {

constexpr std::chrono::seconds kHeartbeatPatience{45};  // the server sends a line every 15 s
constexpr std::chrono::milliseconds kReconnectDelay{1000};

// What has been seen of one deployment.
struct Watch {
  const WatchOptions& options;
  std::chrono::steady_clock::time_point deadline;
  std::string last_id;
  std::uint64_t first_time_ms = 0;
  std::string state;
  std::optional<Json> ended;

  Result<> take(const net::StreamEvent& event);
  Result<> take_transition(const Json& json);
  std::chrono::milliseconds time_left() const;
};

std::string seconds_text(std::uint64_t ms) {
  std::string text = "+" + std::to_string(ms / 1000) + "." + std::to_string(ms / 100 % 10) + " s";
  return std::string(text.size() < 10 ? 10 - text.size() : 0, ' ') + text;
}

Result<> Watch::take(const net::StreamEvent& event) {
  last_id = event.id;
  const Json json = TRY(parse_json(event.data));
  if (options.json) {
    end_passing_line();
    print_json(json, Form::one_line);
  }
  if (event.type == "end") ended = json;
  if (event.type == "transition" && !options.json) return take_transition(json);
  return {};
}

Result<> Watch::take_transition(const Json& json) {
  JsonObject object = TRY(JsonObject::of(json, "transition"));
  const std::uint64_t time_ms = TRY(object.number("received_ms"));
  const std::string now = TRY(object.text("state"));
  const auto permille = TRY(object.optional_number("progress_permille"));
  if (first_time_ms == 0) first_time_ms = time_ms;
  if (std::exchange(state, now) != now || !permille) {
    end_passing_line();
    const std::string time = readable_time(time_ms);
    print(time.substr(time.find(' ') + 1) + seconds_text(time_ms - std::min(time_ms, first_time_ms)) + "  " + transition_text(json) + "\n");
  }
  if (permille) show_passing_line(std::string(20, ' ') + now + " " + progress_bar(*permille));
  return {};
}

std::chrono::milliseconds Watch::time_left() const {
  if (options.timeout.count() == 0) return std::chrono::milliseconds(0);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(1));
}

Result<> follow(ServerSession& session, std::uint64_t id, Watch& watch) {
  net::EventStream events([&](const net::StreamEvent& event) { return watch.take(event); });
  net::Request request{.timeouts = {.stall = kHeartbeatPatience, .total = watch.time_left()}};
  request.headers.push_back({"Accept", "text/event-stream"});
  if (!watch.last_id.empty()) request.headers.push_back({"Last-Event-ID", watch.last_id});
  request.sink = [&](ByteView piece) { return events.feed(piece); };
  TRY(session.send(std::move(request), "/api/v1/deployments/" + std::to_string(id) + "/events"));
  return {};
}

Result<> verdict(std::uint64_t id, const Json& deployment) {
  JsonObject object = TRY(JsonObject::of(deployment, "deployment"));
  const std::string state = TRY(object.text("state"));
  if (state == "committed") return {};
  return fail(kNotCommitted,
              "deployment " + std::to_string(id) + " on " + TRY(object.text("device")) + " ended as " + transition_text(deployment));
}

}  // namespace

std::string transition_text(const Json& transition) {
  const auto text_of = [&](const char* key) {
    const auto member = transition.find(key);
    return member != transition.end() && member->is_string() ? member->get<std::string>() : std::string();
  };
  std::string text = text_of("state");
  const std::string message = text_of("message");
  const auto error = transition.find("error");
  const bool failed = error != transition.end() && error->is_number_unsigned() && *error != 0;
  if (!failed && message.empty()) return text;
  text += std::string(text.size() < 12 ? 12 - text.size() : 0, ' ') + " ";
  if (failed) text += "E" + error->dump() + " ";
  return text + message;
}

Result<> watch_deployment(ServerSession& session, std::uint64_t id, const WatchOptions& options) {
  Watch watch{.options = options, .deadline = std::chrono::steady_clock::now() + options.timeout};
  while (!watch.ended) {
    const auto followed = follow(session, id, watch);
    if (watch.ended) break;
    end_passing_line();
    if (options.timeout.count() > 0 && std::chrono::steady_clock::now() >= watch.deadline)
      return fail(kWatchTimeout,
                  "deployment " + std::to_string(id) + " did not end within " + std::to_string(options.timeout.count()) + " s; it goes on");
    if (!followed && followed.error().code.kind != ErrorKind::retry) return fail(followed.error());
    show_passing_line("The connection to the server broke; trying again ...");
    ::poll(nullptr, 0, static_cast<int>(kReconnectDelay.count()));
  }
  end_passing_line();
  return verdict(id, *watch.ended);
}

}  // namespace aloft::cli
