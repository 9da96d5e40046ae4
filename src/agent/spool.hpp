// Reports that the server has not yet acknowledged. They survive power cuts and are sent again until it has.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "protocol/messages.hpp"

namespace aloft::agent {

inline constexpr std::size_t kMaxSpooledReports = 256;
inline constexpr std::size_t kMaxKnownDeployments = 32;

// What happened, before it has a report's sequence number.
struct Event {
  std::uint64_t deployment;      // 1 .. 2^31-1
  std::uint64_t update = 0;      // the device's number of the update that does it: a deployment that is begun again is another update
  std::uint64_t transition = 0;  // the journal's sequence number of a transition; 0 for mere progress
  std::uint64_t time_ms = 0;  // when that was made: a lost journal counts updates anew, and a first transition of another time is another's
  protocol::UpdateState state;
  std::uint64_t error = 0;
  std::string message;
  std::optional<std::uint64_t> progress_permille;
  std::optional<protocol::Download> download = {};
};

// A file of JSON lines: the first holds the latest deployment, its next sequence number, its update, the latest transition of that and the
// time of its first, and the same of "earlier" ones; each further line a report. Safe from several threads.
class ReportSpool {
 public:
  // A torn last line, left by a power cut, is dropped: its report had not been promised. A file that cannot be read is set aside as
  // "FILE.bad" and begun anew.
  static std::unique_ptr<ReportSpool> open(const std::filesystem::path& file);

  // Durable on return. A transition that was added before (after a restart they are told again) changes nothing. The numbers of the last
  // kMaxKnownDeployments go on where they were, whichever is told of in between. Where more than kMaxSpooledReports wait, the oldest that
  // only told progress goes first. On an error the report is kept in memory all the same.
  Result<> add(WallTime time, const Event& event);

  // The oldest, at most `most`; empty when all is acknowledged.
  std::vector<protocol::Report> oldest(std::size_t most) const;
  // The server has durably taken these. Forgetting may be lost in a power cut: they are then sent again, which changes nothing there.
  Result<> acknowledge(const std::vector<protocol::Report>& reports);
  std::size_t size() const;
  // Waits until everything is acknowledged; false when time is up.
  bool wait_until_empty(std::chrono::milliseconds limit) const;

 private:
  explicit ReportSpool(std::filesystem::path file) : file_(std::move(file)) {}
  // What is known of a deployment, its reports acknowledged or not.
  struct Known {
    std::uint64_t deployment = 0;
    std::uint64_t next_sequence = 1;
    std::uint64_t update = 0;  // 0: none was told yet, or an agent told it that did not keep which
    std::uint64_t last_transition = 0;
    std::uint64_t begun_ms = 0;  // the time of its first transition; 0: not known
    // False: it was told already.
    bool take(std::uint64_t by_update, std::uint64_t transition, std::uint64_t time_ms);
  };
  Result<> load();
  void load_known(const Json& head);
  Known* find(std::uint64_t deployment);
  Known& known_or_new(std::uint64_t deployment, WallTime time);
  Result<> append(std::string_view line) const;
  Result<> rewrite() const;
  void make_room();

  mutable std::mutex mutex_;
  mutable std::condition_variable shrunk_;
  std::filesystem::path file_;
  std::vector<protocol::Report> reports_;
  std::vector<Known> known_;    // the latest last
  bool lost_ = false;           // what was known of earlier reports, their numbers included
  bool file_is_behind_ = true;  // the whole file must be written, not just the next line
};

}  // namespace aloft::agent
