// The clock, by which certificates are judged.
#include <algorithm>

#include "agent/examination.hpp"
#include "base/file.hpp"
#include "update/journal.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr WallTime kEarliest{std::chrono::milliseconds{1'735'689'600'000}};  // 2025-01-01: this program is not older
constexpr std::chrono::days kLongest{10 * 365};                              // that a device lies unused and then starts with a right clock

WallTime changed_at(const fs::path& path) {
  std::error_code problem;
  const auto time = fs::last_write_time(path, problem);
  if (problem) return {};
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::file_clock::to_sys(time));
}

// The image's files have its build's time, where the build keeps times; a record of the journal has the time of its writing.
WallTime last_known(const Config& config) {
  WallTime newest = std::max(kEarliest, changed_at(config.agent.version_file));
  const auto journal = read_file(config.state_dir / "journal", update::kMaxJournalBytes * 2);
  for (const update::State& record : update::parse_journal(journal.value_or("")).records)
    newest = std::max(newest, WallTime(std::chrono::milliseconds(record.time_ms)));
  return newest;
}

}  // namespace

void examine_clock(Patient& patient, Examination& out) {
  const WallTime now = patient.clock.now();
  patient.last_known = last_known(patient.config);
  std::error_code problem;
  if (fs::is_empty(patient.places.sys / "class/rtc", problem) || problem)
    out.warn("rtc-missing", "there is no real-time clock: after each power cut the time is wrong until a time server was asked",
             "fit one, or start the time service before aloftd; systemd's timesyncd keeps the last known time");
  patient.clock_is_wrong = now < patient.last_known || now > patient.last_known + kLongest;
  if (!patient.clock_is_wrong) return out.good("clock", "clock: " + to_iso8601(now));
  const std::string mend = "set it (NTP, RTC): certificates are judged by it";
  if (now < patient.last_known)
    return out.bad("clock-past", "the clock says " + to_iso8601(now) + ", but it was " + to_iso8601(patient.last_known) + " before", mend);
  out.bad("clock-future", "the clock says " + to_iso8601(now) + ", far after the last known time, " + to_iso8601(patient.last_known), mend);
}

}  // namespace aloft::agent
