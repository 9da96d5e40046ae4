#include "base/child.hpp"

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

namespace aloft {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStopPoll{250};
constexpr std::size_t kMaxOutputLineBytes = 4096;
constexpr std::size_t kReadBytes = 4096;
constexpr unsigned kReadsOfFullPipe = (64U << 10) / kReadBytes;  // pipe(7): its capacity
constexpr int kFirstPassed = 3;
constexpr int kOutOfTheWay = 64;  // above every number that a passed descriptor gets

std::string reason(int error_number) { return std::generic_category().message(error_number); }

// Signals, process group, folder and descriptors of the child; frees what posix_spawn's structures hold.
class SpawnSetup {
 public:
  SpawnSetup(int input, int output, const std::filesystem::path& folder) {
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_init(&actions_);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigaddset(&signals, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    if (input >= 0) {
      ::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    } else {
      ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    if (!folder.empty()) ::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
  }
  void pass(const std::vector<Fd>& descriptors) {
    for (int number = kFirstPassed; const Fd& descriptor : descriptors)
      ::posix_spawn_file_actions_adddup2(&actions_, descriptor.get(), number++);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  int spawn(std::vector<std::string> argv, std::vector<std::string> added, pid_t& child) const {
    std::vector<char*> words;
    for (std::string& word : argv) words.push_back(word.data());
    words.push_back(nullptr);
    std::vector<char*> environment;
    for (std::string& variable : added) environment.push_back(variable.data());
    for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
    environment.push_back(nullptr);
    return ::posix_spawnp(&child, words.front(), &actions_, &attributes_, words.data(), environment.data());
  }

 private:
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Result<Pipe> make_pipe(const std::string& program) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(kProcess, "cannot run " + program + ": no pipe left");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

ssize_t write_quietly(int fd, ByteView bytes) {
  sigset_t pipe;
  sigset_t before;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
  const ssize_t count = ::write(fd, bytes.data(), bytes.size());
  const int error_number = errno;
  if (count < 0 && error_number == EPIPE && ::sigismember(&before, SIGPIPE) == 0) {
    const timespec none{};
    ::sigtimedwait(&pipe, nullptr, &none);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error_number;
  return count;
}

Result<Child> Child::start(ChildSpec spec) {
  if (spec.argv.empty()) return fail(kProcess, "no program to run");
  Child child;
  child.name_ = spec.argv.front();
  child.on_line_ = std::move(spec.on_line);
  Pipe output = TRY(make_pipe(child.name_));
  Pipe input;
  if (spec.input == Input::fed) input = TRY(make_pipe(child.name_));
  ::fcntl(output.read_end.get(), F_SETFL, O_NONBLOCK);
  std::vector<Fd> passed;
  for (const int descriptor : spec.descriptors) {
    passed.emplace_back(::fcntl(descriptor, F_DUPFD_CLOEXEC, kOutOfTheWay));
    if (!passed.back()) return fail(kProcess, "cannot run " + child.name_ + ": " + reason(errno));
  }
  SpawnSetup setup(input.read_end.get(), output.write_end.get(), spec.folder);
  setup.pass(passed);
  const int problem = setup.spawn(std::move(spec.argv), std::move(spec.environment), child.pid_);
  if (problem != 0) {
    child.pid_ = -1;
    return fail(kProcess, "cannot run " + child.name_ + ": " + reason(problem));
  }
  child.output_ = std::move(output.read_end);
  child.input_ = std::move(input.write_end);
  if (child.input_) ::fcntl(child.input_.get(), F_SETFL, O_NONBLOCK);
  child.pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid_, 0)));
  if (!child.pidfd_) return fail(kProcess, "cannot follow " + child.name_ + ": " + reason(errno));
  return child;
}

Child::Child(Child&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      output_open_(other.output_open_),
      text_(std::move(other.text_)),
      line_(std::move(other.line_)),
      on_line_(std::move(other.on_line_)) {}

Child::~Child() {
  if (pid_ < 0) return;
  kill();
  reap();
}

void Child::kill() {
  if (pid_ > 0) ::kill(-pid_, SIGKILL);
}

void Child::end_input() { input_ = Fd(); }

void Child::split_lines(std::string_view bytes) {
  if (!on_line_) return;
  for (const char c : bytes) {
    if (c == '\n') {
      on_line_(line_);
      line_.clear();
    } else if (line_.size() < kMaxOutputLineBytes) {
      line_ += c;
    }
  }
}

// Takes what is there; false once the pipe has ended.
bool Child::take_output() {
  std::array<char, kReadBytes> chunk{};
  const ssize_t count = ::read(output_.get(), chunk.data(), chunk.size());
  if (count <= 0) return count < 0 && (errno == EINTR || errno == EAGAIN);
  const std::string_view bytes(chunk.data(), static_cast<std::size_t>(count));
  split_lines(bytes);
  text_.append(bytes);
  if (text_.size() > kMaxOutputBytes) text_.erase(0, text_.size() - kMaxOutputBytes);
  return true;
}

Result<> Child::feed(ByteView bytes, milliseconds patience) {
  auto deadline = steady_clock::now() + patience;
  while (!bytes.empty()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds::zero() || !input_) return fail(kProcess, name_ + " does not read its input");
    std::array<pollfd, 3> fds{{{input_.get(), POLLOUT, 0}, {output_open_ ? output_.get() : -1, POLLIN, 0}, {pidfd_.get(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
      return fail(kProcess, "poll: " + reason(errno));
    if (fds[1].revents != 0) output_open_ = take_output();
    if (fds[2].revents != 0 || (fds[0].revents & POLLERR) != 0) return fail(kProcess, name_ + " ended before it had read all of its input");
    if ((fds[0].revents & POLLOUT) == 0) continue;
    const ssize_t count = write_quietly(input_.get(), bytes);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return fail(kProcess, name_ + " no longer reads its input");
    if (count <= 0) continue;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    deadline = steady_clock::now() + patience;
  }
  return {};
}

bool Child::has_ended(milliseconds wait) {
  const auto deadline = steady_clock::now() + wait;
  for (unsigned late_reads = 0, reads_after_end = 0;;) {
    const auto left = std::max(std::chrono::ceil<milliseconds>(deadline - steady_clock::now()), milliseconds::zero());
    std::array<pollfd, 2> fds{{{pidfd_.get(), POLLIN, 0}, {output_open_ ? output_.get() : -1, POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(left.count()));
    if (ready == 0) return false;
    if (ready < 0 && errno != EINTR) return false;
    if (ready < 0) continue;
    const bool ended = fds[0].revents != 0;
    if (fds[1].revents != 0) {
      output_open_ = take_output();
      // All that the pipe holds is taken when our time is over, and when the process has ended; who goes on printing cannot keep us.
      if (ended ? ++reads_after_end <= kReadsOfFullPipe : steady_clock::now() < deadline || ++late_reads <= kReadsOfFullPipe) continue;
    }
    return ended;
  }
}

ProcessEnd Child::reap() {
  ProcessEnd end;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  end.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (on_line_ && !line_.empty()) on_line_(line_);
  line_.clear();
  end.output = std::move(text_);
  return end;
}

ProcessEnd Child::wait(milliseconds limit, const std::atomic<bool>* stop) {
  const auto deadline = steady_clock::now() + limit;
  bool ended = false;
  while (!ended) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds::zero() || (stop != nullptr && *stop)) break;
    ended = has_ended(std::min(left, kStopPoll));
  }
  if (!ended) kill();
  ProcessEnd end = reap();
  end.timed_out = !ended;
  return end;
}

}  // namespace aloft
