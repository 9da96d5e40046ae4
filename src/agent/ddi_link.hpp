// The link to a hawkBit-compatible server (Direct Device Integration API): polls it, carries its answers to the agent, and tells it what
// becomes of them. One thread.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "agent/ddi_actions.hpp"
#include "agent/ddi_standing.hpp"
#include "agent/ddi_teller.hpp"
#include "agent/server_link.hpp"
#include "agent/spool.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "ddi/client_answers.hpp"
#include "net/http_client.hpp"

namespace aloft::agent {

class DdiLink final : public ServerLink {
 public:
  // state_dir/ddi-actions keeps which action is which update. Standing, spool and clock must outlive the link.
  DdiLink(DdiStanding& standing, ReportSpool& spool, const std::filesystem::path& state_dir, ServerListener listener, Clock& clock);
  ~DdiLink() override;  // ends the thread; an exchange under way is broken off
  void report_soon() override;
  void check_now() override;

 private:
  void run();
  bool adopt(std::unique_ptr<net::HttpClient> client);  // false at the end
  bool wait(std::chrono::milliseconds time);            // until there is something to do; false at the end
  std::chrono::milliseconds time_to_poll() const;
  Result<> round(net::HttpTransport& transport);
  Result<> poll(net::HttpTransport& transport);
  // What the server wants, one thing at a time
  Result<> act(net::HttpTransport& transport);
  void send_attributes(net::HttpTransport& transport);
  Result<> stop(net::HttpTransport& transport, const ddi::ActionLink& link);
  Result<> confirm(net::HttpTransport& transport, const ddi::ActionLink& link);
  Result<> follow(net::HttpTransport& transport, const ddi::ActionLink& link);
  void nothing_wanted();
  Result<std::optional<ddi::DeploymentReading>> deployment(net::HttpTransport& transport, const char* folder, const ddi::ActionLink& link);
  Result<Wanted> wanted_of(const ddi::ActionLink& link, const ddi::DeploymentReading& reading);
  Result<> tell_again(net::HttpTransport& transport, const std::string& action, const update::State& state);
  void assign(std::optional<Wanted> wanted);
  bool is_under_way(std::uint64_t number) const;
  void poll_soon() { next_poll_ = clock_.steady() + kSoon; }

  static constexpr std::chrono::milliseconds kSoon{1000};
  DdiStanding& standing_;
  const ServerListener listener_;
  Clock& clock_;
  SystemRandom random_;
  // The thread's
  DdiActions actions_;
  DdiTeller teller_;
  ddi::PollReading polled_;
  std::string etag_;
  SteadyTime next_poll_;
  std::uint64_t assigned_ = 0;  // what the agent has last been told to carry out
  std::uint64_t over_ = 0;      // is over here, and was still asked for at the last poll
  std::string denied_;          // an action that cannot be confirmed
  std::optional<std::map<std::string, std::string>> sent_attributes_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  bool reports_waiting_ = true;
  bool hurry_ = false;
  std::unique_ptr<net::HttpClient> client_;
  std::thread thread_;
};

}  // namespace aloft::agent
