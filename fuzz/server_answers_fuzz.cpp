// What a server answers to the commands of `aloft`: a line with the command, then an answer in each line, "200 " and its body. Whatever
// they are, the command ends, and what it prints steers no terminal.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>

#include "cli/commands.hpp"
#include "cli/terminal.hpp"
#include "net/fake_server.hpp"
#include "require.hpp"

namespace {

using namespace aloft;

// Every command that needs no file, asks nobody and does not wait.
constexpr std::string_view kCommands[] = {"token create --note x",
                                          "token list",
                                          "token revoke 9",
                                          "release list",
                                          "release show 1",
                                          "release delta list 1",
                                          "release delta remove 1",
                                          "release must-pass 1",
                                          "device list",
                                          "device show d",
                                          "device accept d",
                                          "device reject d",
                                          "enrol-token create",
                                          "enrol-token list",
                                          "deploy --release 1 --device d",
                                          "deployment list",
                                          "deployment show 1",
                                          "deployment cancel 1",
                                          "deployment release 1",
                                          "deployment log 1",
                                          "group list",
                                          "group show g",
                                          "group create g",
                                          "group add g d",
                                          "tag list",
                                          "tag add t d",
                                          "filter check a==b",
                                          "rollout preview --release 1 --filter a==b",
                                          "rollout list",
                                          "rollout show 1",
                                          "rollout devices 1",
                                          "rollout approve 1",
                                          "rollout pause 1",
                                          "why d",
                                          "health device d",
                                          "health release 1",
                                          "health rollout 1",
                                          "user list",
                                          "audit",
                                          "tenant list",
                                          "tenant add t",
                                          "tenant quota t",
                                          "tenant link t",
                                          "quota",
                                          "ddi add d --product p --hardware h",
                                          "ddi token d",
                                          "ddi ask d",
                                          "ddi poll 60",
                                          "ddi gateway add --product p --hardware h",
                                          "ddi gateway list",
                                          "ddi authority list",
                                          "webhook list",
                                          "webhook deliveries 1"};
constexpr std::size_t kMostCommands = 200;  // of one server, which keeps a thread of each connection

class AnsweringServer {
 public:
  AnsweringServer() {
    ::setenv("ALOFT_SERVER", server_.url("").c_str(), 1);
    ::setenv("ALOFT_TOKEN", "token", 1);
  }
  void give(std::vector<std::string> answers) {
    const std::lock_guard lock(mutex_);
    ++commands_;
    answers_ = std::move(answers);
    next_ = 0;
  }
  bool used_up() const { return commands_ >= kMostCommands; }

 private:
  net::Answer next() {
    const std::lock_guard lock(mutex_);
    if (next_ == answers_.size()) return {.status = 404};
    const std::string& line = answers_[next_++];
    unsigned status = 0;
    std::from_chars(line.data(), line.data() + std::min<std::size_t>(line.size(), 3), status);
    if (status < 200 || status > 599 || line.size() < 4) return {.body = line};
    return {.status = status, .body = line.substr(4)};
  }

  std::mutex mutex_;
  std::vector<std::string> answers_;
  std::size_t next_ = 0;
  std::size_t commands_ = 0;
  net::FakeServer server_{[this](const net::Received&) { return next(); }};
};

Result<> run(std::string command) {
  CLI::App app;
  cli::Run chosen;
  cli::add_server_commands(app, chosen);
  app.parse(std::move(command));
  return chosen();
}

}  // namespace

extern "C" int server_answers_fuzz(const std::uint8_t* data, std::size_t size) {
  std::istringstream input(std::string(reinterpret_cast<const char*>(data), size));
  std::string command;
  std::getline(input, command);
  if (std::ranges::find(kCommands, command) == std::ranges::end(kCommands)) return 0;
  std::vector<std::string> answers;
  for (std::string line; std::getline(input, line);) answers.push_back(line);
  static std::unique_ptr<AnsweringServer> server;
  if (server == nullptr || server->used_up()) {
    server.reset();
    server = std::make_unique<AnsweringServer>();
  }
  server->give(std::move(answers));
  std::ostringstream printed;
  std::streambuf* const screen = std::cout.rdbuf(printed.rdbuf());
  const Result<> ended = run(command);
  std::cout.rdbuf(screen);
  require(ended.has_value() || !ended.error().text().empty());
  require(cli::printable(printed.str()) == printed.str());
  return 0;
}
