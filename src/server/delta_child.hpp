// The process in which a delta is made: apart from the server, so that it can be bounded, and killed.
#pragma once

#include <atomic>
#include <filesystem>

#include "base/result.hpp"

namespace aloft::server {

inline constexpr std::uint64_t kLeastDeltaMemoryBytes = 128ULL << 20;

struct DeltaMake {
  std::filesystem::path from;      // a bundle
  std::filesystem::path to;        // likewise
  std::filesystem::path output;    // beside it the process works in files without names
  std::uint64_t memory_bytes = 0;  // of its own; both bundles' pages come on top, and are the system's to take back
};

// Starts this program again for it: at the lowest priority for processor and disk, on one core, and no longer than the limit. It ends with
// this process, however that ends. Blocks. Errors: kDeltaFailed, with what it said last.
Result<> make_delta_apart(const DeltaMake& make, const std::atomic<bool>* stop);

// The other side: whether the program was started for this, and then its exit status.
bool is_delta_child(int argc, char** argv);
int run_delta_child(char** argv);

}  // namespace aloft::server
