// What shared slots have still to do once the new system is committed, or must forget when it is not. Kept over restarts.
#pragma once

#include <map>
#include <string>

#include "storage/pair.hpp"
#include "update/state_files.hpp"

namespace aloft::agent {

struct WaitingSwitch {
  storage::Waiting content;
  bool due = false;         // the new system is committed: it is done, however often it takes
  std::uint64_t error = 0;  // of the last attempt, where it is one that lasts, and its text
  std::string message;
};

// What a commit asked of a shared slot that does not do it: the slot keeps what it had, which is whole.
struct RefusedSwitch {
  std::string slot_class;  // empty: which slots still had to switch is lost
  std::uint64_t error = 0;
  std::string message;  // the error's text
  bool operator==(const RefusedSwitch&) const = default;
};
// kSlotRefuses, as it is told.
Error told(const RefusedSwitch& refused);

// A small file of the state folder. Every change is durable once returned, and whole after a power cut.
class WaitingSwitches {
 public:
  explicit WaitingSwitches(update::StateFiles& files) : files_(files) {}  // which must outlive this
  // By slot class. A damaged file is an error (kBadJson), never taken for an empty one.
  Result<std::map<std::string, WaitingSwitch>> all();
  // Sets the file aside as "switches.bad": nothing waits any more.
  Result<> forget_all();
  Result<> add(const std::string& slot_class, const storage::Waiting& content);
  Result<> remove(const std::string& slot_class);
  // Why it cannot be done. Written only where it is news.
  Result<> note(const std::string& slot_class, const Error& why);
  Result<> make_all_due();

 private:
  Result<> keep(const std::map<std::string, WaitingSwitch>& all);
  update::StateFiles& files_;
};

}  // namespace aloft::agent
