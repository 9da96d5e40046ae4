// The device's own account of how its systems have done, kept over restarts: reboots by reason, time up, metrics; by version. Numbers only
// rise. It is for people to look at, not for the update to rely on: a file that cannot be read is begun anew.
//
// File "vitals": one JSON object {"boot": {"id", "version", "ended"}, "panics": [...], "next": N, "last_boot": "...", "versions": [...]},
// replaced as a whole. A power cut loses what has come since it was last saved.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "agent/boot_evidence.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "protocol/vitals.hpp"

namespace aloft::agent {

using Metrics = std::map<std::string, double>;

struct BookPage {
  std::string boot_id;           // of the start that it was last written in
  std::string version;           // that ran then
  bool ended = false;            // in order
  std::set<std::string> panics;  // known records of kernels that died
  std::uint64_t next = 1;        // `began` of the next new version
  protocol::Vitals vitals;
};
Json to_json(const BookPage& page);
Result<BookPage> book_page_of(const Json& json);  // kBadJson

// One thread at a time.
class VitalsBook {
 public:
  // Reads what is there and enters this start, unless it has been entered already (an agent that was restarted on its own): the reboot
  // counts for the version that ran before it.
  VitalsBook(std::filesystem::path file, std::string version, std::string boot_id, const BootEvidence& evidence, SteadyTime now);
  const protocol::Vitals& vitals() const { return page_.vitals; }

  void add(const Metrics& metrics, SteadyTime now);  // and the time up since the last call
  void know(std::set<std::string> panics) { page_.panics = std::move(panics); }
  // Durable on return. Errors: as replace_file; what was to be kept is kept in memory.
  Result<> save();
  // The machine, or the agent, goes down in order; or it does not after all. Each is saved.
  Result<> end(SteadyTime now);
  Result<> go_on();

 private:
  void enter(const std::string& version, const std::string& boot_id, const BootEvidence& evidence);
  protocol::Vitals::Version& present();
  void count_time(SteadyTime now);
  const std::filesystem::path file_;
  BookPage page_;
  SteadyTime counted_;
  std::chrono::milliseconds remainder_{0};
};

}  // namespace aloft::agent
