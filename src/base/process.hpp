// Runs a program to its end, or to its time limit.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace aloft {

struct ProcessEnd {
  bool timed_out = false;  // it and its process group were killed
  int exit_status = 0;     // as the shell has it: 128 + signal number for one that was killed
  std::string output;      // the last kMaxOutputBytes of standard output and error together
};

inline constexpr std::size_t kMaxOutputBytes = 16 << 10;

// argv[0] is searched in PATH when it has no slash. The child has no standard input, no blocked signals and its own process group. Blocks;
// one thread at a time per child. What the program leaves running in the background is not waited for. Errors: kProcess when it cannot
// start. `stop`, once true, ends it within a quarter of a second, as the time limit does.
Result<ProcessEnd> run_process(const std::vector<std::string>& argv, std::chrono::milliseconds time_limit,
                               const std::atomic<bool>* stop = nullptr);

// The last line of text that is not blank; at most 500 bytes of it.
std::string last_line(std::string_view text);

}  // namespace aloft
