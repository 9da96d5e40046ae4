#include "base/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "base/errors.hpp"
#include "base/file.hpp"

namespace aloft {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMaxLineBytes = 500;
constexpr milliseconds kStopPoll{250};

// Signal mask and process group of the child; frees what posix_spawn's structures hold.
class SpawnSetup {
 public:
  explicit SpawnSetup(int output) {
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_init(&actions_);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  int spawn(const std::vector<std::string>& argv, pid_t& child) const {
    std::vector<std::string> words = argv;
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    return ::posix_spawnp(&child, pointers.front(), &actions_, &attributes_, pointers.data(), environ);
  }

 private:
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Takes what is there; false once the pipe has ended.
bool drain(int fd, std::string& output) {
  std::array<char, 4096> chunk{};
  const ssize_t count = ::read(fd, chunk.data(), chunk.size());
  if (count <= 0) return count < 0 && (errno == EINTR || errno == EAGAIN);
  output.append(chunk.data(), static_cast<std::size_t>(count));
  if (output.size() > kMaxOutputBytes) output.erase(0, output.size() - kMaxOutputBytes);
  return true;
}

// Collects output until the process ends or time is up; true when it ended.
bool follow(int pidfd, int pipe, std::string& output, steady_clock::time_point deadline, const std::atomic<bool>* stop) {
  bool open = true;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds::zero() || (stop != nullptr && *stop)) return false;
    std::array<pollfd, 2> fds{{{pidfd, POLLIN, 0}, {open ? pipe : -1, POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::min(left, kStopPoll).count()));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    if (open && fds[1].revents != 0) {
      open = drain(pipe, output);
      continue;  // output first, so that an ending process loses none
    }
    if (fds[0].revents != 0) return true;
  }
}

}  // namespace

Result<ProcessEnd> run_process(const std::vector<std::string>& argv, milliseconds time_limit, const std::atomic<bool>* stop) {
  if (argv.empty()) return fail(kProcess, "no program to run");
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(kProcess, "cannot run " + argv.front() + ": no pipe left");
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  pid_t child = 0;
  const int problem = SpawnSetup(write_end.get()).spawn(argv, child);
  if (problem != 0) return fail(kProcess, "cannot run " + argv.front() + ": " + std::generic_category().message(problem));
  write_end = Fd();
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  ProcessEnd end;
  end.timed_out = !pidfd || !follow(pidfd.get(), read_end.get(), end.output, steady_clock::now() + time_limit, stop);
  if (end.timed_out) ::kill(-child, SIGKILL);
  end.exit_status = wait_for(child);
  return end;
}

std::string last_line(std::string_view text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  const auto start = text.find_last_of("\r\n");
  if (start != std::string_view::npos) text.remove_prefix(start + 1);
  return std::string(text.substr(0, kMaxLineBytes));
}

}  // namespace aloft
