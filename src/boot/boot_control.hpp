// Which slot boots next. One contract, one file per boot loader, one contract test for all.
#pragma once

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
  std::vector<SlotState> order;  // the first that is committed, or on trial with tries left, boots next
};

// Every change is one atomic, durable write, read back: after a power cut the old or the new state stands, and once the call has
// returned, the new. Errors: numbers 5000-5099. One process at a time (the agent's lock).
class BootControl {
 public:
  virtual ~BootControl() = default;
  virtual Result<BootState> read() = 0;
  // slot first in order, on trial with tries.
  virtual Result<> arm(std::string_view slot, unsigned tries) = 0;
  // slot first in order and committed.
  virtual Result<> commit(std::string_view slot) = 0;
  // slot last in order and bad. Another slot must be committed, or kNoOtherSlot.
  virtual Result<> mark_bad(std::string_view slot) = 0;
  // A new boot state where read() says kBootStateCorrupt: booted first and committed, every other slot bad.
  virtual Result<> rebuild(std::string_view booted) = 0;
};

}  // namespace aloft::boot
