// What a device has to do next: one thing at a time, as hawkBit shows it.
#pragma once

#include <cstdint>
#include <optional>

#include "ddi/answers.hpp"
#include "protocol/messages.hpp"

namespace aloft::ddi {

struct Situation {
  std::optional<std::uint64_t> withdrawn;  // an update that the device may still be busy with
  bool withdrawal_ignored = false;         // it has been told often enough
  std::uint64_t action = 0;                // its unfinished update; 0: none
  protocol::UpdateState state = protocol::UpdateState::offered;
  protocol::InstallPolicy policy;
  bool confirmed_in_advance = false;
  std::uint64_t now_ms = 0;
  int utc_offset_minutes = 0;
};

// Not begun yet: neither a window nor a person can hold up what has.
bool has_begun(protocol::UpdateState state);
bool needs_confirmation(const Situation& situation);
bool is_window_open(const Situation& situation);  // also when there is none
bool may_begin(const Situation& situation);       // its window is open, and it is not one that is only downloaded ahead
// Outside its window an update is not shown at all: SWUpdate would close what it is told to skip.
Todo todo_of(const Situation& situation);
// Why the update is held back, to be told once; nullptr: it is not.
const char* hold_up_of(const Situation& situation);

}  // namespace aloft::ddi
