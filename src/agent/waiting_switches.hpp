// What shared slots have still to do once the new system is committed, or must forget when it is not. Kept over restarts.
#pragma once

#include <map>
#include <string>

#include "storage/pair.hpp"
#include "update/state_files.hpp"

namespace aloft::agent {

struct WaitingSwitch {
  storage::Waiting content;
  bool due = false;  // the new system is committed: it is done, however often it takes
};

// A small file of the state folder. Every change is durable once returned, and whole after a power cut.
class WaitingSwitches {
 public:
  explicit WaitingSwitches(update::StateFiles& files) : files_(files) {}  // which must outlive this
  // By slot class. A file that cannot be read is an error (kBadJson), never taken for an empty one.
  Result<std::map<std::string, WaitingSwitch>> all();
  Result<> add(const std::string& slot_class, const storage::Waiting& content);
  Result<> remove(const std::string& slot_class);
  Result<> make_all_due();

 private:
  Result<> keep(const std::map<std::string, WaitingSwitch>& all);
  update::StateFiles& files_;
};

}  // namespace aloft::agent
