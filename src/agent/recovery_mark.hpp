// A mark that a recovery system is complete: kept from when it is first armed until it is written. One that is bad in the boot state all
// the same did not come up, perhaps for nothing but a power cut, and may be tried again; one that is being written may not.
#pragma once

#include "base/result.hpp"
#include "update/state_files.hpp"

namespace aloft::agent {

inline constexpr std::string_view kRecoveryMarkFile = "recovery-whole";
inline constexpr std::string_view kRecoveryWhole = "whole\n";

// Errors of all: files' own. Durable once returned.
inline Result<bool> recovery_is_whole(update::StateFiles& files) { return TRY(files.read(kRecoveryMarkFile)) == kRecoveryWhole; }
inline Result<> mark_recovery_whole(update::StateFiles& files) { return files.replace(kRecoveryMarkFile, kRecoveryWhole); }
inline Result<> unmark_recovery(update::StateFiles& files) { return files.replace(kRecoveryMarkFile, ""); }

}  // namespace aloft::agent
