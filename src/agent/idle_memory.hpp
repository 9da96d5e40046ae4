// Gives memory back while there is nothing to do. Why and how: docs/decisions/0010-idle-memory.md.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace aloft::agent {

// Of this process, as /proc/self/statm counts it. 0 where it cannot be read.
std::uint64_t resident_bytes();

// One line range of /proc/self/smaps that holds nothing but clean pages of a file.
struct CleanMapping {
  std::uint64_t start;
  std::uint64_t end;
};
// Only mappings that cannot be written, come from a file, and have no page of their own (relocated ones do): dropping any other would lose
// data.
std::vector<CleanMapping> clean_mappings(std::string_view smaps);

// Returns free heap to the kernel, and unmaps the pages of programs and libraries; those needed again come back from the page cache by
// themselves. Safe while other threads run. Takes a few milliseconds.
void release_idle_memory();

}  // namespace aloft::agent
