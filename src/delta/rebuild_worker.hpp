// The confined program in which an agent has frames made: the only place where what a server sends is taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aloft::delta {

// Of its own data. The most that a frame of 4 MiB can take (docs/delta-format.md) fits; so does a manifest of up to 25 MiB.
inline constexpr std::uint64_t kWorkerMemoryBytes = 96ULL << 20;
inline constexpr int kWorkerSocket = 3;    // its end of the conversation (rebuild_wire.hpp)
inline constexpr int kWorkerOldImage = 4;  // read only; not there when nothing but unpacking is wanted
inline constexpr int kOutOfMemoryStatus = 3;

// The words behind the program's name. It ends with its parent, and itself when it has used so much of the processor.
std::vector<std::string> worker_arguments(std::uint64_t cpu_seconds);
// Whether the program was started so; then, before anything else is done and while there is one thread, its exit status comes from
// run_rebuild_worker.
bool is_rebuild_worker(int argc, const char* const* argv);
int run_rebuild_worker(const char* const* argv);

}  // namespace aloft::delta
