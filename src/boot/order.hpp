// The changes that every boot control makes to its order, whatever it keeps it in.
#pragma once

#include "boot/boot_control.hpp"

namespace aloft::boot {

// slot first, with this health. Errors: kUnknownSlot.
Result<BootState> with_first(BootState state, std::string_view slot, SlotHealth health, unsigned tries);
// slot last and bad. Errors: kUnknownSlot, kNoOtherSlot.
Result<BootState> with_bad(BootState state, std::string_view slot);
// booted first and committed, the others bad, in the order given.
Result<BootState> rebuilt(const std::vector<std::string>& slots, std::string_view booted);
// kUnknownSlot, as an error to return.
std::unexpected<Error> unknown_slot(std::string_view slot);
// The slot's state, or null.
const SlotState* find_slot(const BootState& state, std::string_view slot);
bool is_committed(const BootState& state, std::string_view slot);
// Whether a slot but this one is: what is left when it is given up.
bool is_another_committed(const BootState& state, std::string_view slot);

}  // namespace aloft::boot
