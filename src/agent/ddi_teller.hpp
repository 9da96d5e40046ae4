// Tells a hawkBit-compatible server what the agent reports: each report once, its closing word until the server has taken it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "agent/ddi_actions.hpp"
#include "agent/ddi_standing.hpp"
#include "agent/spool.hpp"
#include "ddi/client_answers.hpp"
#include "ddi/client_feedback.hpp"

namespace aloft::agent {

// One thread.
class DdiTeller {
 public:
  // All must outlive it. log_dir: see ServerStanding::connect.
  DdiTeller(DdiStanding& standing, ReportSpool& spool, const DdiActions& actions, std::filesystem::path log_dir);

  // Everything that waits in the spool, oldest first; what the server has taken, or will never take, leaves it. polled: the server's latest
  // answer, which says what it expects for an answer. Errors: of kind retry, or that the server refuses this device.
  Result<> tell_all(net::HttpTransport& transport, const ddi::PollReading& polled);
  // What is not in the spool.
  Result<> say(net::HttpTransport& transport, const std::string& action, const ddi::Utterance& said);
  Result<> answer_stop(net::HttpTransport& transport, const std::string& action, bool stopped, std::string_view why);
  // True where what is next can only be told once it is known what the server wants by now.
  bool wants_poll() const;

 private:
  Result<> tell(net::HttpTransport& transport, const ddi::PollReading& polled, const protocol::Report& report);
  bool is_too_often(const protocol::Report& report);
  void add_log(const protocol::Report& report, ddi::Utterance& said) const;
  void drop_logs() const;
  Result<> post(net::HttpTransport& transport, const std::string& path, const Json& body, bool closes);

  DdiStanding& standing_;
  ReportSpool& spool_;
  const DdiActions& actions_;
  const std::filesystem::path log_dir_;
  std::uint64_t deployment_ = 0;                 // that this and the next are about
  std::optional<protocol::UpdateState> before_;  // last told
  std::uint64_t told_permille_ = 0;
  unsigned refusals_ = 0;  // in a row, of one report
};

}  // namespace aloft::agent
