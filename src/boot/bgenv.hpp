// EFI Boot Guard's environment, BGENV.DAT (efibootguard v0.13, include/envdata.h): one on each config partition.
//   offset  size
//        0   510  kernel file, UTF-16LE, ends with a zero
//      510   510  kernel arguments, likewise
//     1020     1  in progress: 1 while an update writes what this environment boots
//     1021     1  state
//     1022     2  watchdog timeout in seconds, 0: off
//     1024     4  revision: the highest boots
//     1028     n  user variables (131072 bytes unless it was built otherwise)
//   1028+n     4  CRC-32 of all before
// Integers are little-endian.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aloft::boot {

enum class GuardState : std::uint8_t { ok, installed, testing, failed };

struct GuardEnv {
  std::string kernel;     // at most 254 UTF-16 units
  std::string arguments;  // likewise
  bool in_progress = false;
  GuardState state = GuardState::ok;
  std::uint16_t watchdog_s = 0;
  std::uint32_t revision = 0;
  std::string user;  // as it is
};

inline constexpr std::size_t kGuardHeadBytes = 1028;
inline constexpr std::size_t kGuardUserBytes = 131072;
inline constexpr std::size_t kLeastGuardBytes = kGuardHeadBytes + 96 + 4;
inline constexpr std::size_t kMostGuardBytes = 1 << 20;
inline constexpr std::size_t kGuardTextUnits = 254;

// Of any size from kLeastGuardBytes to kMostGuardBytes; the size of the file says how much there is for user variables. Errors:
// kBootStateCorrupt where the size or the CRC is wrong, or the state is none of the four.
Result<GuardEnv> parse_guard_env(std::string_view file);
// As large as env.user makes it. Texts must fit (kBootSetting).
Result<std::string> format_guard_env(const GuardEnv& env);
// The same file with another state, so that it differs in its second sector only and one write makes the change: two characters
// of the arguments' field, which lie behind their end in the same sector, are made such that the checksum stays as it is. `file` must be
// one that parse_guard_env() takes. Nothing where the arguments leave no room (more than 251 characters).
std::optional<std::string> with_guard_state(std::string file, GuardState state);

}  // namespace aloft::boot
