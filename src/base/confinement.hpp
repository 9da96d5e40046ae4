// A process gives up, for good, what it does not need.
#pragma once

#include <chrono>
#include <cstdint>

namespace aloft {

struct ConfinementLimits {
  std::uint64_t memory_bytes = 0;  // of its own data, as RLIMIT_DATA counts it; file pages are not. Not held in builds with sanitizers
  std::chrono::seconds cpu{0};
  int parent = 0;  // process that this one ends with; it has ended already: so does this one
};

// What the process could not give up.
struct Confinement {
  bool filtered = false;      // false: the kernel has no seccomp(2) filters
  bool unprivileged = false;  // false: it is root's still, since the kernel knows no other user here; it has no capability
};

// For a process of one thread that holds all descriptors it will ever need. Afterwards it can read and write those, use memory and end; it
// opens no file and no socket, starts nothing, executes nothing else, and has no user's rights: root becomes user and group 65534. What
// else it asks of the kernel is refused (opening files: EACCES, some harmless questions: EPERM) or kills it. Without filters the kernel
// still gives it no new descriptor (RLIMIT_NOFILE is 0), no new process unless it is root's still, and not one byte in a file. Sources:
// seccomp(2), setrlimit(2), prctl(2).
Confinement confine(const ConfinementLimits& limits);

}  // namespace aloft
