#include "agent/client.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iostream>

#include "agent/delta_source.hpp"
#include "agent/errors.hpp"
#include "agent/local_api.hpp"
#include "agent/local_socket.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxAnswerBytes = 1 << 20;

// One connection to the daemon, line by line.
class Conversation {
 public:
  static Result<Conversation> begin(const fs::path& socket, const LocalRequest& request, int attached = -1) {
    Conversation conversation;
    conversation.fd_ = TRY(connect_to_daemon(socket));
    TRY(send_request(conversation.fd_.get(), request, attached));
    return conversation;
  }

  Result<> ask(const LocalRequest& request) { return send_request(fd_.get(), request, -1); }

  // The next answer; an error answer is an error.
  Result<Json> answer() {
    for (auto end = buffer_.find('\n'); end == std::string::npos; end = buffer_.find('\n')) {
      std::array<char, 16384> chunk{};
      const ssize_t count = ::read(fd_.get(), chunk.data(), chunk.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0 || buffer_.size() > kMaxAnswerBytes) return fail(kNoDaemon, "the daemon has ended the connection");
      buffer_.append(chunk.data(), static_cast<std::size_t>(count));
    }
    const auto end = buffer_.find('\n');
    Json json = TRY(parse_json(std::string_view(buffer_).substr(0, end)));
    buffer_.erase(0, end + 1);
    if (json.value("ok", false)) return json;
    const Json error = json.value("error", Json::object());
    return fail(kBadRequest, "the daemon refused: E" + std::to_string(error.value("number", 0)) + " " + error.value("name", "") + ": " +
                                 error.value("message", ""));
  }

 private:
  Fd fd_;
  std::string buffer_;
};

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string permille_text(const Json& update) {
  if (!update.contains("progress_permille")) return {};
  const auto permille = update.value("progress_permille", std::uint64_t{0});
  return " " + std::to_string(permille / 10) + "." + std::to_string(permille % 10) + "%";
}

// What stands behind its state.
std::string details_text(const Json& update) {
  std::string text = permille_text(update);
  if (update.contains("version")) text += ", version " + text_of(update, "version");
  if (update.contains("group")) text += ", group " + text_of(update, "group");
  if (update.contains("deployment")) text += ", deployment " + text_of(update, "deployment");
  if (update.contains("error")) text += ", E" + text_of(update["error"], "number") + " " + text_of(update["error"], "name");
  if (update.contains("message")) text += ": " + text_of(update, "message");
  return text;
}

std::string update_text(const Json& update) { return text_of(update, "state") + details_text(update); }

// One line that is rewritten on a terminal, and one line a change elsewhere.
class ProgressLine {
 public:
  void show(const std::string& text) {
    if (text == shown_) return;
    shown_ = text;
    if (terminal_) {
      std::cout << "\r\x1b[K" << text << std::flush;
    } else {
      std::cout << text << std::endl;
    }
  }
  void end() const {
    if (terminal_ && !shown_.empty()) std::cout << std::endl;
  }

 private:
  const bool terminal_ = ::isatty(STDOUT_FILENO) == 1;
  std::string shown_;
};

struct Ending {
  std::string_view state;
  ErrorCode error;
  std::string_view words;
};
constexpr std::array<Ending, 4> kEndings{
    {{"failed", kUpdateFailed, "the update failed"},
     {"rolled-back", kUpdateRolledBack, "the new system was not proven good, and the old one runs again"},
     {"deferred", kUpdateDeferred, "the update is put off"},
     {"cancelled", kCancelled, "the update was cancelled"}}};

// Follows the update until it is over, or the machine goes down for its restart.
Result<> follow(Conversation& conversation, std::uint64_t earlier) {
  TRY(conversation.ask(LocalRequest{.verb = Verb::watch, .uri = {}}));
  ProgressLine line;
  for (;;) {
    const auto answer = conversation.answer();
    if (!answer) {
      line.end();
      std::cout << "the daemon has ended; the machine is probably restarting\n";
      return {};
    }
    const Json update = answer->value("status", Json::object()).value("update", Json::object());
    if (update.value("number", std::uint64_t{0}) <= earlier) continue;
    line.show(update_text(update));
    const std::string state = text_of(update, "state");
    if (state == "committed" || state == "rebooting") return line.end(), Result<>{};
    if (auto ended = ending_of(update); !ended) return line.end(), ended;
  }
}

Result<> ask_once(const fs::path& socket, const LocalRequest& request) {
  auto conversation = TRY(Conversation::begin(socket, request));
  TRY(conversation.answer());
  return {};
}

}  // namespace

Result<> ending_of(const Json& update) {
  const auto ending = std::ranges::find(kEndings, text_of(update, "state"), &Ending::state);
  if (ending == kEndings.end()) return {};
  return fail(ending->error, std::string(ending->words) + details_text(update));
}

std::string status_text(const Json& answer) {
  const Json status = answer.value("status", Json::object());
  std::string text = text_of(status, "product") + " " + text_of(status, "hardware") + ", version " + text_of(status, "version") +
                     ", group " + text_of(status, "group") + "\n";
  text += "update:   " + (status.contains("update") ? update_text(status["update"]) : "none yet") + "\n";
  if (status.contains("deferred_until")) text += "deferred: until " + text_of(status, "deferred_until") + "\n";
  if (status.contains("warnings"))
    for (const Json& warning : status["warnings"]) text += "warning: " + warning.get<std::string>() + "\n";
  if (status.contains("boot")) {
    text += "boot:    ";
    for (const Json& slot : status["boot"]) {
      text += " " + text_of(slot, "group") + " " + text_of(slot, "health");
      if (text_of(slot, "health") == "trial") text += " (" + text_of(slot, "tries_left") + " tries left)";
    }
    text += "\n";
  }
  if (status.contains("server")) {
    const Json& server = status["server"];
    text += "server:   " + text_of(server, "url") + " as " + text_of(server, "name") + ", ";
    text += server.value("connected", false) ? "connected" : server.value("enrolled", false) ? "not connected" : "not enrolled";
    if (server.contains("problem")) text += ": " + text_of(server, "problem");
    text += "\n";
    if (server.contains("key_sha256")) text += "key:      SHA-256 " + text_of(server, "key_sha256") + "\n";
  }
  if (const Json problem = status.value("problem", Json::object()); !problem.empty())
    text += "PROBLEM E" + text_of(problem, "number") + " " + text_of(problem, "name") + ": " + text_of(problem, "message") + "\n";
  const Json watchdog = status.value("watchdog", Json::object());
  text += "watchdog: " + std::string(watchdog.value("armed", false) ? "armed" : watchdog.value("present", false) ? "ready" : "none");
  if (watchdog.value("caused_last_boot", false)) text += "; it caused the last restart";
  return text + "\n";
}

Result<> show_status(const fs::path& socket, Output output) {
  auto conversation = TRY(Conversation::begin(socket, LocalRequest{.verb = Verb::status, .uri = {}}));
  const Json answer = TRY(conversation.answer());
  std::cout << (output == Output::json ? answer["status"].dump(2) + "\n" : status_text(answer));
  return {};
}

Result<> show_history(const fs::path& socket, Output output) {
  auto conversation = TRY(Conversation::begin(socket, LocalRequest{.verb = Verb::history, .uri = {}}));
  const Json answer = TRY(conversation.answer());
  if (output == Output::json) std::cout << answer["updates"].dump(2) << "\n";
  if (output == Output::text && answer["updates"].empty()) std::cout << "none yet\n";
  if (output == Output::text)
    for (const Json& update : answer["updates"]) std::cout << text_of(update, "time") << "  " << update_text(update) << "\n";
  return {};
}

Result<> install(const fs::path& socket, const std::string& uri, Wait wait) {
  LocalRequest request{.verb = Verb::install, .uri = uri};
  Fd attached;
  if (uri == "-") {
    attached = TRY(standard_input());
  } else {
    request.uri = absolute_source(uri);
    if (const std::string path = split_source(request.uri).bundle; path.starts_with('/')) attached = TRY(open_file(path, O_RDONLY));
  }
  auto conversation = TRY(Conversation::begin(socket, LocalRequest{.verb = Verb::status, .uri = {}}));
  const Json before = TRY(conversation.answer());
  const auto earlier = before.value("status", Json::object()).value("update", Json::object()).value("number", std::uint64_t{0});
  auto installing = TRY(Conversation::begin(socket, request, attached.get()));
  TRY(installing.answer());
  if (wait == Wait::no && uri != "-") {
    std::cout << "accepted; follow it with: aloftd status\n";
    return {};
  }
  return follow(installing, earlier);
}

Result<Fd> standard_input() {
  Fd input(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!input) return fail(kBadUri, "standard input is closed, so no bundle can come from it; pipe one in, or give a file or an address");
  return input;
}

Result<> check(const fs::path& socket) { return ask_once(socket, LocalRequest{.verb = Verb::check, .uri = {}}); }
Result<> defer(const fs::path& socket, std::chrono::seconds time) {
  return ask_once(socket, LocalRequest{.verb = Verb::defer, .uri = {}, .defer_for = time});
}
Result<> accept(const fs::path& socket) { return ask_once(socket, LocalRequest{.verb = Verb::accept, .uri = {}}); }
Result<> cancel(const fs::path& socket) { return ask_once(socket, LocalRequest{.verb = Verb::cancel, .uri = {}}); }

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::int64_t factor = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86400 : 0;
  if (problem != std::errc{} || factor == 0 || count < 0 || count > kMaxDefer.count() / factor)
    return fail(kBadRequest, "\"" + std::string(text) + "\" is no duration: 90s, 15m, 2h or 7d, at most 30d");
  return std::chrono::seconds(count * factor);
}

}  // namespace aloft::agent
