#include "agent/ddi_teller.hpp"

#include <algorithm>

#include "agent/errors.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "net/errors.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;
using protocol::Report;
using protocol::UpdateState;

constexpr std::uint64_t kToldProgressStep = 50;  // permille: servers keep some hundreds of messages for an action, and no more
constexpr unsigned kMaxRefusals = 5;             // of what does not close, by a server that is too busy for it
constexpr std::size_t kMaxReadLogBytes = 256 << 10;
constexpr std::size_t kLogLines = 12;

// The server does not know the action any more, or has closed it.
bool is_over(unsigned status) { return status == 404 || status == 405 || status == 410; }
// What is said is not to the server's taste; it will not be either when it is said again.
bool is_malformed(unsigned status) { return status == 400 || status == 413 || status == 415 || status == 422; }

std::string last_lines(const std::string& text) {
  std::size_t start = text.size();
  for (std::size_t lines = 0; lines <= kLogLines; ++lines) {
    const std::size_t before = start == 0 ? std::string::npos : text.rfind('\n', start - 1);
    if (before == std::string::npos) return text;
    start = before;
  }
  return text.substr(start + 1);
}

}  // namespace

DdiTeller::DdiTeller(DdiStanding& standing, ReportSpool& spool, const DdiActions& actions, fs::path log_dir)
    : standing_(standing), spool_(spool), actions_(actions), log_dir_(std::move(log_dir)) {}

bool DdiTeller::wants_poll() const {
  const auto next = spool_.oldest(1);
  return !next.empty() && next.front().state == UpdateState::cancelled;
}

Result<> DdiTeller::tell_all(net::HttpTransport& transport, const ddi::PollReading& polled) {
  for (;;) {
    const auto next = spool_.oldest(1);
    if (next.empty()) break;
    TRY(tell(transport, polled, next.front()));
    refusals_ = 0;
    if (const auto kept = spool_.acknowledge(next); !kept) log::debug("a report may be told again: " + kept.error().text());
  }
  drop_logs();
  return {};
}

Result<> DdiTeller::tell(net::HttpTransport& transport, const ddi::PollReading& polled, const Report& report) {
  const auto known = actions_.numbered(report.deployment);
  if (!known || known->server != actions_.server()) {
    log::warning("a report on deployment " + std::to_string(report.deployment) + " is dropped: it is of another server");
    return {};
  }
  const std::string& action = known->action;
  if (report.deployment != deployment_) {
    deployment_ = report.deployment;
    before_.reset();
    told_permille_ = 0;
  }
  const bool confirming = polled.confirmation && polled.confirmation->action == action;
  if (confirming && !protocol::is_final(report.state)) return {};  // the server takes nothing before it is confirmed
  // It was told before a power cut, and the server has it.
  if (report.state == UpdateState::committed && polled.installed && polled.installed->action == action) return {};
  if (report.state == UpdateState::cancelled && polled.cancellation && polled.cancellation->action == action)
    return answer_stop(transport, action, true, "stopped: the running system is unchanged");
  if (is_too_often(report)) return {};
  auto said = ddi::utterance_of(report, kHeld.number, before_);
  before_ = report.state;
  if (!said) return {};
  if (said->closes() && said->finished == ddi::Finished::failure) add_log(report, *said);
  return say(transport, action, *said);
}

bool DdiTeller::is_too_often(const Report& report) {
  if (!report.progress_permille) {
    told_permille_ = 0;
    return false;
  }
  if (*report.progress_permille < told_permille_ + kToldProgressStep) return true;
  told_permille_ = *report.progress_permille;
  return false;
}

void DdiTeller::add_log(const Report& report, ddi::Utterance& said) const {
  const auto text = read_file(log_dir_ / (std::to_string(report.deployment) + ".log"), kMaxReadLogBytes);
  if (!text) return;
  for (std::string& line : ddi::details_of(last_lines(*text)))
    if (said.details.size() < ddi::kMaxDetails) said.details.push_back(std::move(line));
}

// The protocol has no place for a whole log.
void DdiTeller::drop_logs() const {
  std::error_code problem;
  for (fs::directory_iterator entry(log_dir_, problem), end; !problem && entry != end; entry.increment(problem)) {
    std::error_code unseen;
    if (entry->path().extension() == ".log") fs::remove(entry->path(), unseen);
  }
}

Result<> DdiTeller::say(net::HttpTransport& transport, const std::string& action, const ddi::Utterance& said) {
  return post(transport, "/deploymentBase/" + action + "/feedback", ddi::feedback_json(action, said), said.closes());
}

Result<> DdiTeller::answer_stop(net::HttpTransport& transport, const std::string& action, bool stopped, std::string_view why) {
  const ddi::Utterance said{.execution = stopped ? ddi::Execution::closed : ddi::Execution::rejected,
                            .finished = ddi::Finished::success,
                            .details = ddi::details_of(why)};
  return post(transport, "/cancelAction/" + action + "/feedback", ddi::feedback_json(action, said), stopped);
}

// Done also where the server will never take it.
Result<> DdiTeller::post(net::HttpTransport& transport, const std::string& path, const Json& body, bool closes) {
  auto response = TRY(standing_.send(transport, "POST", path, &body));
  const unsigned status = response.status;
  const auto taken = ddi_success(std::move(response), standing_.base() + path);
  if (taken) return {};
  if (is_over(status)) {
    // Also a proxy in front of the server answers so, where the server is away: then the poll fails too.
    TRY(ddi_success(TRY(standing_.send(transport, "GET", "", nullptr)), standing_.base()));
    log::warning("the server no longer waits for this: " + taken.error().text());
    return {};
  }
  if (is_malformed(status)) {
    const bool has_details = body["status"].contains("details") && !body["status"]["details"].empty();
    log::warning("the server does not take what is said" + std::string(has_details ? "; without details: " : ": ") + taken.error().text());
    if (!has_details) return {};
    Json bare = body;
    bare["status"]["details"] = Json::array();
    return post(transport, path, bare, closes);
  }
  if (!closes && status == 429 && ++refusals_ >= kMaxRefusals) {
    log::warning("the server takes no more of this: " + taken.error().text());
    return {};
  }
  if (status == 409) return fail(net::kServerBusy, taken.error().message);  // two changes at once
  return fail(taken.error());
}

}  // namespace aloft::agent
