// Which slot boots next. One contract, one file per boot loader, one contract test for all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aloft::boot {

enum class SlotHealth : std::uint8_t {
  committed,  // boots without counting
  trial,      // boots while tries are left
  bad,        // never booted until armed again
};

struct SlotState {
  std::string name;  // "A"
  SlotHealth health;
  unsigned tries_left;  // of a trial
};

struct BootState {
  std::vector<SlotState> order;  // every slot; the first that is committed, or on trial with tries left, boots next
};

// How far BootControl::examine() may go.
enum class Probe : std::uint8_t {
  look,     // changes nothing: somebody else may be changing the state
  rewrite,  // writes the state as it is once more, the way that every change is written
};

// Every change is one atomic, durable write, read back: after a power cut the old or the new state stands, and once the call has
// returned, the new. Errors: numbers 5000-5099. One process at a time (the agent's lock), and one thread.
class BootControl {
 public:
  virtual ~BootControl() = default;

  // The most tries that arm() takes: 1 where the boot loader gives a trial one boot only. The agent clamps what is configured to it.
  virtual unsigned max_tries() const = 0;
  virtual Result<BootState> read() = 0;
  // What the boot loader itself says was booted; nothing where only the kernel's command line knows.
  virtual Result<std::optional<std::string>> booted() = 0;

  // slot first in order, on trial with tries, 1 to max_tries(). Another slot that was on trial may end as bad. Errors: kBadTries,
  // kUnknownSlot.
  virtual Result<> arm(std::string_view slot, unsigned tries) = 0;
  // slot first in order and committed.
  virtual Result<> commit(std::string_view slot) = 0;
  // slot out of the order and bad: last, where the boot loader keeps an order of those too. Another slot must be committed, or
  // kNoOtherSlot.
  virtual Result<> mark_bad(std::string_view slot) = 0;
  // The slot, booted and committed, has come up: where the boot loader counts the boots of committed slots too, its counter is full
  // again, also one that has run out on the way. Order and other slots stay as they are, a trial and an armed slot among them; a slot
  // that is on trial, or was taken out, is left alone. Nothing is written where nothing is to change.
  virtual Result<> confirm(std::string_view booted) = 0;
  // What the next restart must carry for the boot loader to start the slot on trial (the argument of LINUX_REBOOT_CMD_RESTART2); nothing
  // for a plain restart. To be called just before it: the try is used up by it, since such a boot loader keeps no count.
  virtual Result<std::optional<std::string>> restart_argument() = 0;
  // Each try needs a restart with an argument: a slot on trial that was not started has not been passed over.
  virtual bool trial_needs_argument() const = 0;
  // A new boot state where read() says kBootStateCorrupt: booted first and committed, every other slot bad.
  virtual Result<> rebuild(std::string_view booted) = 0;

  // For doctor: errors are what would stop a change; the sentences are what is weaker than it should be ("there is only one copy of the
  // environment: ..."), each with what to do about it.
  virtual Result<std::vector<std::string>> examine(Probe probe) = 0;
};

}  // namespace aloft::boot
