#include "agent/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/unix_time.hpp"

namespace aloft::agent {
namespace {

using protocol::Report;

constexpr std::uint64_t kMaxSpoolBytes = 4 << 20;
constexpr std::size_t kMaxMessageBytes = 2048;

// One report in the form of the wire message, and the transition that it tells, of which update; of a first one, when it was made.
std::string line_of(const Report& report, std::uint64_t update = 0, std::uint64_t transition = 0, std::uint64_t time_ms = 0) {
  Json json = protocol::to_json(protocol::Reports{.reports = {report}, .version = {}})["reports"][0];
  if (transition != 0) json["transition"] = transition;
  if (transition != 0 && update != 0) json["update"] = update;
  if (transition == 1 && time_ms != 0) json["begun_ms"] = time_ms;
  return json.dump() + "\n";
}

std::uint64_t number_at(const Json& json, const char* key, std::uint64_t otherwise) {
  const auto found = json.find(key);
  const bool good = found != json.end() && found->is_number_unsigned() && found->get<std::uint64_t>() < INT64_MAX;
  return good ? found->get<std::uint64_t>() : otherwise;
}

std::uint64_t seconds_of(WallTime time) { return unix_ms(time) / 1000; }

std::optional<Report> report_of(const Json& json) {
  auto message = protocol::from_json<protocol::Reports>(Json{{"reports", Json::array({json})}, {"version", ""}});
  if (!message) return std::nullopt;
  return std::move(message->reports.front());
}

// What is no UTF-8 is replaced, and control characters, of which JSON makes six; then it is cut after a whole character. So the server
// takes every message, and kMaxReports of them at once.
std::string bounded_text(std::string_view text) {
  const Json any(std::string(text.substr(0, kMaxMessageBytes)));
  std::string message = Json::parse(any.dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
  const auto is_control = [](unsigned char c) { return (c < ' ' && c != '\n' && c != '\t') || c == 0x7f; };
  std::ranges::replace_if(message, is_control, '?');
  std::size_t end = std::min(message.size(), kMaxMessageBytes);
  while (end < message.size() && end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
  message.resize(end);
  return message;
}

}  // namespace

std::unique_ptr<ReportSpool> ReportSpool::open(const std::filesystem::path& file) {
  std::unique_ptr<ReportSpool> spool(new ReportSpool(file));
  if (const auto loaded = spool->load(); !loaded) {
    spool->lost_ = true;
    log::error("reports that the server has not acknowledged are lost: " + loaded.error().text());
    if (const auto aside = set_file_aside(file); !aside) log::warning(aside.error().text());
  }
  return spool;
}

Result<> ReportSpool::load() {
  const auto content = read_file(file_, kMaxSpoolBytes);
  if (!content && content.error().code.number == kNotFound.number) return {};
  if (!content) return fail(content.error());
  std::string_view rest = *content;
  for (bool head = true; rest.contains('\n'); head = false) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    const auto json = parse_json(line);
    if (!json || !json->is_object()) continue;
    if (head) {
      load_known(*json);
    } else if (auto report = report_of(*json)) {
      if (Known* const known = find(report->deployment)) {
        known->next_sequence = std::max(known->next_sequence, report->sequence + 1);
        known->take(number_at(*json, "update", 0), number_at(*json, "transition", 0), number_at(*json, "begun_ms", 0));
      }
      reports_.push_back(*std::move(report));
    }
  }
  file_is_behind_ = !rest.empty() || content->empty();
  return {};
}

void ReportSpool::load_known(const Json& head) {
  const auto add = [this](const Json& json) {
    const Known known{.deployment = number_at(json, "deployment", 0),
                      .next_sequence = std::max<std::uint64_t>(1, number_at(json, "next", 1)),
                      .update = number_at(json, "update", 0),
                      .last_transition = number_at(json, "transition", 0),
                      .begun_ms = number_at(json, "begun_ms", 0)};
    if (known.deployment != 0 && find(known.deployment) == nullptr && known_.size() < kMaxKnownDeployments) known_.push_back(known);
  };
  add(head);
  if (const auto earlier = head.find("earlier"); earlier != head.end() && earlier->is_array()) {
    for (const Json& one : *earlier) {
      if (one.is_object()) add(one);
    }
  }
  std::ranges::reverse(known_);
}

bool ReportSpool::Known::take(std::uint64_t by_update, std::uint64_t transition, std::uint64_t time_ms) {
  if (transition == 0) return true;
  const bool another = update != by_update && update != 0 && by_update != 0;
  const bool anew = transition == 1 && time_ms != begun_ms && time_ms != 0 && begun_ms != 0;
  if (by_update != 0) update = by_update;
  if (another) begun_ms = 0;
  if (transition == 1 && time_ms != 0) begun_ms = time_ms;
  if (!another && !anew && transition <= last_transition) return false;
  last_transition = transition;
  return true;
}

ReportSpool::Known* ReportSpool::find(std::uint64_t deployment) {
  const auto found = std::ranges::find(known_, deployment, &Known::deployment);
  return found == known_.end() ? nullptr : &*found;
}

ReportSpool::Known& ReportSpool::known_or_new(std::uint64_t deployment, WallTime time) {
  if (Known* const known = find(deployment)) return *known;
  if (known_.size() == kMaxKnownDeployments) known_.erase(known_.begin());
  Known known{.deployment = deployment};
  if (lost_) known.next_sequence = std::max<std::uint64_t>(1, seconds_of(time));  // the server may know smaller ones, and would drop them
  file_is_behind_ = true;
  return known_.emplace_back(known);
}

Result<> ReportSpool::add(WallTime time, const Event& event) {
  const std::lock_guard lock(mutex_);
  Known& known = known_or_new(event.deployment, time);
  if (!known.take(event.update, event.transition, event.time_ms)) return {};
  const auto latest = known_.begin() + (&known - known_.data());
  std::rotate(latest, latest + 1, known_.end());
  make_room();
  reports_.push_back(Report{.deployment = event.deployment,
                            .sequence = known_.back().next_sequence++,
                            .time_ms = unix_ms(time),
                            .state = event.state,
                            .error = event.error,
                            .message = bounded_text(event.message),
                            .progress_permille = event.progress_permille,
                            .download = event.download});
  const Result<> written = file_is_behind_ ? rewrite() : append(line_of(reports_.back(), event.update, event.transition, event.time_ms));
  file_is_behind_ = !written;
  return written;
}

void ReportSpool::make_room() {
  if (reports_.size() < kMaxSpooledReports) return;
  const auto told_progress = std::ranges::find_if(reports_, [](const Report& report) { return report.progress_permille.has_value(); });
  reports_.erase(told_progress == reports_.end() ? reports_.begin() : told_progress);
  file_is_behind_ = true;
}

Result<> ReportSpool::append(std::string_view line) const {
  const Fd fd = TRY(open_file(file_, O_WRONLY | O_APPEND));
  TRY(write_all(fd.get(), as_bytes(line)));
  if (::fdatasync(fd.get()) != 0) return fail(system_error("cannot flush", file_, errno));
  return {};
}

Result<> ReportSpool::rewrite() const {
  const auto json_of = [](const Known& known) {
    return Json{{"deployment", known.deployment},
                {"next", known.next_sequence},
                {"update", known.update},
                {"transition", known.last_transition},
                {"begun_ms", known.begun_ms}};
  };
  Json head = json_of(known_.empty() ? Known{} : known_.back());
  for (std::size_t back = 1; back < known_.size(); ++back) head["earlier"].push_back(json_of(known_[known_.size() - 1 - back]));
  std::string content = head.dump() + "\n";
  for (const Report& report : reports_) content += line_of(report);
  return replace_file(file_, content, 0600);
}

std::vector<Report> ReportSpool::oldest(std::size_t most) const {
  const std::lock_guard lock(mutex_);
  return {reports_.begin(), reports_.begin() + static_cast<std::ptrdiff_t>(std::min(most, reports_.size()))};
}

Result<> ReportSpool::acknowledge(const std::vector<Report>& reports) {
  const std::lock_guard lock(mutex_);
  std::erase_if(reports_, [&](const Report& mine) {
    return std::ranges::any_of(
        reports, [&](const Report& theirs) { return mine.deployment == theirs.deployment && mine.sequence == theirs.sequence; });
  });
  const Result<> written = rewrite();
  file_is_behind_ = !written;
  shrunk_.notify_all();
  return written;
}

bool ReportSpool::wait_until_empty(std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return shrunk_.wait_for(lock, limit, [this] { return reports_.empty(); });
}

std::size_t ReportSpool::size() const {
  const std::lock_guard lock(mutex_);
  return reports_.size();
}

}  // namespace aloft::agent
