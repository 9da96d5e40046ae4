// Error numbers 6000-6099: the update itself, its journal and its floor.
#pragma once

#include "base/result.hpp"

namespace aloft::update {

inline constexpr ErrorCode kNotNow{6000, ErrorKind::retry, "not-now"};
inline constexpr ErrorCode kFloorUnreadable{6001, ErrorKind::ask, "floor-unreadable"};
inline constexpr ErrorCode kUnhealthy{6002, ErrorKind::rollback, "unhealthy"};
inline constexpr ErrorCode kTriesUsed{6003, ErrorKind::rollback, "tries-used"};
inline constexpr ErrorCode kNotBooted{6004, ErrorKind::rollback, "not-booted"};
inline constexpr ErrorCode kStrangeSlot{6005, ErrorKind::rollback, "strange-slot"};
inline constexpr ErrorCode kHung{6006, ErrorKind::rollback, "hung"};
inline constexpr ErrorCode kJournalUnreadable{6010, ErrorKind::ask, "journal-unreadable"};
inline constexpr ErrorCode kStateUnwritable{6011, ErrorKind::ask, "state-unwritable"};
inline constexpr ErrorCode kBootStateUnreadable{6012, ErrorKind::ask, "boot-state-unreadable"};
inline constexpr ErrorCode kSlotRefuses{6013, ErrorKind::ask, "slot-refuses"};

inline constexpr ErrorCode kNoRecovery{6020, ErrorKind::ask, "no-recovery"};
inline constexpr ErrorCode kRecoveryNotBooted{6021, ErrorKind::ask, "recovery-not-booted"};
inline constexpr ErrorCode kStreamForRecovery{6022, ErrorKind::reject, "stream-for-recovery"};

}  // namespace aloft::update
