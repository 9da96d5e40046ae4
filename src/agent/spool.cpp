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

// One report in the form of the wire message, and the transition that it tells.
std::string line_of(const Report& report, std::uint64_t transition) {
  Json json = protocol::to_json(protocol::Reports{.reports = {report}, .version = {}})["reports"][0];
  if (transition != 0) json["transition"] = transition;
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

// Cuts after whole UTF-8 characters and replaces what is none, so that every message fits into JSON.
std::string bounded_text(std::string_view text) {
  text = text.substr(0, kMaxMessageBytes);
  return Json::parse(Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
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
      deployment_ = number_at(*json, "deployment", 0);
      next_sequence_ = std::max<std::uint64_t>(1, number_at(*json, "next", 1));
      last_transition_ = number_at(*json, "transition", 0);
    } else if (auto report = report_of(*json)) {
      if (report->deployment == deployment_) next_sequence_ = std::max(next_sequence_, report->sequence + 1);
      if (report->deployment == deployment_) last_transition_ = std::max(last_transition_, number_at(*json, "transition", 0));
      reports_.push_back(*std::move(report));
    }
  }
  file_is_behind_ = !rest.empty() || content->empty();
  return {};
}

Result<> ReportSpool::add(WallTime time, const Event& event) {
  const std::lock_guard lock(mutex_);
  if (event.deployment != deployment_) {
    deployment_ = event.deployment;
    next_sequence_ = lost_ ? std::max<std::uint64_t>(1, seconds_of(time)) : 1;  // the server may know smaller ones, and would drop them
    last_transition_ = 0;
    file_is_behind_ = true;
  }
  if (event.transition != 0 && event.transition <= last_transition_) return {};
  last_transition_ = std::max(last_transition_, event.transition);
  make_room();
  reports_.push_back(Report{.deployment = deployment_,
                            .sequence = next_sequence_++,
                            .time_ms = unix_ms(time),
                            .state = event.state,
                            .error = event.error,
                            .message = bounded_text(event.message),
                            .progress_permille = event.progress_permille,
                            .download = event.download});
  const Result<> written = file_is_behind_ ? rewrite() : append(line_of(reports_.back(), event.transition));
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
  std::string content = Json{{"deployment", deployment_}, {"next", next_sequence_}, {"transition", last_transition_}}.dump() + "\n";
  for (const Report& report : reports_) content += line_of(report, 0);
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
