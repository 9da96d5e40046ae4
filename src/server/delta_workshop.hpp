// Makes deltas in the background, one at a time, from what devices run to what they are to run, and drops those that no device needs any
// more. No device ever waits for one: what is not there yet is not offered. On the loop's thread.
#pragma once

#include <atomic>
#include <optional>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "fleet/blob_folder.hpp"
#include "fleet/store.hpp"
#include "httpd/tasks.hpp"
#include "httpd/workers.hpp"
#include "server/changes.hpp"
#include "server/delta_plan.hpp"
#include "server/delta_shelf.hpp"
#include "server/roster.hpp"

namespace aloft::server {

struct DeltaSettings {
  bool make = true;                       // false: only those that people upload are offered
  std::uint64_t memory_bytes = 1U << 30;  // of the process that makes one
  std::chrono::hours keep{7 * 24};        // of one that no device could use
};

class DeltaWorkshop {
 public:
  struct Ground {
    httpd::Tasks& tasks;
    httpd::Workers& bench;  // one thread, for long reads and for waiting for the process; all workshops of a server share it
    fleet::Store& store;
    const fleet::BlobFolder& blobs;
    httpd::Workers& counter;  // its one thread takes files in and out
    DeltaShelf& shelf;
    Roster& roster;
    Changes& changes;
    Clock& clock;
    Random& random;
  };
  struct Counters {
    std::uint64_t made = 0;
    std::uint64_t failed = 0;
    std::optional<DeltaJob> making;
  };
  // All of it outlives the workshop.
  DeltaWorkshop(const Ground& ground, const DeltaSettings& settings);
  ~DeltaWorkshop() { stop(); }
  void begin();
  // The one under way is given up; it is made again after the next start.
  void stop();
  void look_soon() { sleeper_.wake(); }
  const Counters& counters() const { return counters_; }

  // Offers the delta whose file the upload is, in place of the one for the same devices, and tells the devices that wait for the release.
  httpd::Awaitable<Result<fleet::Delta>> take_in(fleet::Delta delta, fleet::BlobFolder::Upload upload, std::string artifact_sha256);
  httpd::Awaitable<Result<>> drop(std::uint64_t id);

 private:
  httpd::Awaitable<void> work_until_stopped();
  httpd::Awaitable<Result<DeltaPlan>> look();
  httpd::Awaitable<void> make(DeltaJob job);
  httpd::Awaitable<void> note_failure(DeltaJob job, std::string why);
  Result<DeltaPlan> read_plan(std::uint64_t now_ms);
  Result<std::pair<fleet::Delta, fleet::BlobFolder::Upload>> make_apart(const DeltaJob& job);
  Result<fleet::Delta> keep(fleet::Delta delta, fleet::BlobFolder::Upload upload);
  Result<> discard(std::uint64_t id);
  std::uint64_t now_ms() const;

  const Ground ground_;
  const DeltaSettings settings_;
  httpd::Sleeper sleeper_;
  Counters counters_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace aloft::server
