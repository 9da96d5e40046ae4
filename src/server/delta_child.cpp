#include "server/delta_child.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <new>

#include "base/child.hpp"
#include "base/log.hpp"
#include "patch/make.hpp"
#include "server/errors.hpp"

namespace aloft::server {
namespace {

constexpr const char* kWord = "make-delta";
constexpr int kThisProcess = 1;  // as ioprio_set(2) has it: IOPRIO_WHO_PROCESS
constexpr int kIdleClass = 3 << 13;
constexpr std::chrono::hours kLongest{6};
constexpr std::uint64_t kBesides = 64ULL << 20;  // of the memory: for all but what is sorted
constexpr std::uint64_t kMemoryPerWindow = 6;    // bytes for each byte of the window
constexpr std::uint64_t kLargestWindow = 128ULL << 20;

// The limit is on data: file pages, which are most of what it touches, do not count.
void bound(std::uint64_t memory_bytes) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpriority(PRIO_PROCESS, 0, 19);
  ::syscall(SYS_ioprio_set, kThisProcess, 0, kIdleClass);
  const rlimit data{.rlim_cur = memory_bytes, .rlim_max = memory_bytes};
  ::setrlimit(RLIMIT_DATA, &data);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
}

[[noreturn]] void end_without_memory() {
  constexpr std::string_view kText = "the memory that deltas are allowed is not enough for this one; allow more, by --delta-memory-mib\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(1);
}

}  // namespace

Result<> make_delta_apart(const DeltaMake& make, const std::atomic<bool>* stop) {
  const auto end = TRY(run_process({"/proc/self/exe", kWord, make.from.string(), make.to.string(), make.output.string(),
                                    std::to_string(make.memory_bytes), std::to_string(::getpid())},
                                   kLongest, stop));
  if (end.timed_out) return fail(kDeltaFailed, "it was stopped before it was done");
  if (end.exit_status == 0) return {};
  const std::string said = last_line(end.output);
  return fail(kDeltaFailed, said.empty() ? "it ended with status " + std::to_string(end.exit_status) : said);
}

bool is_delta_child(int argc, char** argv) { return argc == 7 && std::strcmp(argv[1], kWord) == 0; }

int run_delta_child(char** argv) {
  std::uint64_t memory_bytes = 0;
  const char* const text = argv[5];
  if (std::from_chars(text, text + std::strlen(text), memory_bytes).ec != std::errc{}) return 2;
  bound(memory_bytes);
  if (std::to_string(::getppid()) != argv[6]) return 1;  // the server ended before it could take us along
  std::set_new_handler(end_without_memory);
  const std::uint64_t sorted = std::max(memory_bytes, kLeastDeltaMemoryBytes) - kBesides;
  const delta::PairOptions options{.limits = {.window_bytes = std::min(kLargestWindow, sorted / kMemoryPerWindow)}, .threads = 1};
  const auto made = patch::make_delta(argv[2], argv[3], argv[4], options, {});
  if (made) return 0;
  log::error(made.error().text());
  return 1;
}

}  // namespace aloft::server
