// The order in which shared slots switch: never before the new system is committed, always after it, over power cuts.
#pragma once

#include <span>
#include <string>

#include "agent/waiting_switches.hpp"

namespace aloft::agent {

struct DueSwitch {
  std::string slot_class;
  storage::Waiting content;
};

// The shared slots of a device, by class, and what each does at a commit; the seam for simulated ones.
class SharedSlots {
 public:
  virtual ~SharedSlots() = default;
  // Whether there is (still) a shared slot of that class.
  virtual bool has(const std::string& slot_class) const = 0;
  // Slots for which this is the same word are switched as one, by commit_together(); empty: by itself, by commit().
  virtual std::string together(const std::string& slot_class) const = 0;
  // All of them or none, over a power cut too; both may be called again for what was done.
  virtual Result<> commit_together(std::span<const DueSwitch> due) = 0;
  virtual Result<> commit(const DueSwitch& due) = 0;
  // Whether no next update may begin before its commit() has returned.
  virtual bool must_commit(const std::string& slot_class) const = 0;
  virtual Result<> give_up(const std::string& slot_class) = 0;
};

class SharedSwitches {
 public:
  // Both must outlive this.
  SharedSwitches(update::StateFiles& files, SharedSlots& slots) : waiting_(files), slots_(slots) {}
  // The slot holds new content, which waits; durable once returned.
  Result<> written(const std::string& slot_class, const storage::Waiting& content) { return waiting_.add(slot_class, content); }
  // The new system is committed: all that waits is due and is done. May be called again; an error means that something is still due. One
  // that cannot be done keeps no other waiting; an error besides kSwitchContent is told before it.
  Result<> commit();
  // The new system is given up: what waits is forgotten. What is due belongs to a system that was committed: it is made up for, and stands
  // in the way of the next update until then. Unless its content is lost (kSwitchContent): then the slot keeps what it has, which is whole.
  Result<> abandon();

 private:
  enum class Lost : std::uint8_t { is_an_error, is_given_up };
  Result<> commit_due(Lost lost);
  Result<> commit_due_together(Lost lost);
  WaitingSwitches waiting_;
  SharedSlots& slots_;
};

}  // namespace aloft::agent
