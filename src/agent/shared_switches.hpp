// The order in which shared slots switch: never before the new system is committed, always after it, over power cuts.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

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
  Result<> written(const std::string& slot_class, const storage::Waiting& content);
  // The new system is committed: all that waits is due and is done. May be called again; an error means that something is still due, and
  // may be done later (kind retry). What lasts is no error, but refused() from then on, and is tried again at each call of this, of
  // make_up() and of abandon(). One that cannot be done keeps no other waiting.
  Result<> commit();
  // As commit() for what is due already.
  Result<> make_up();
  // The new system is given up: what waits is forgotten. What is due belongs to a system that was committed: it is made up for, and stands
  // in the way of the next update while it may be done later. Where its content is lost (kSwitchContent) it is forgotten, too.
  Result<> abandon();
  // What is due and is not done for a reason that lasts, over restarts. A damaged file is set aside, and told once: until the next
  // abandon() or restart.
  std::vector<RefusedSwitch> refused();
  // Why content for that slot could not become active: it, or what switches together with it, refuses. Lost content is no reason.
  std::optional<RefusedSwitch> refusal_of(const std::string& slot_class);

 private:
  enum class Lost : std::uint8_t { is_kept, is_given_up };
  Result<std::map<std::string, WaitingSwitch>> known();
  Result<> settle(const std::string& slot_class, const Result<>& done, Lost lost, Result<>& outcome);
  Result<> commit_due(Lost lost);
  Result<> commit_due_together(Lost lost, Result<>& outcome);
  WaitingSwitches waiting_;
  std::optional<RefusedSwitch> lost_;  // the file was damaged
  SharedSlots& slots_;
};

}  // namespace aloft::agent
