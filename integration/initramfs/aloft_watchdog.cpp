// aloft-watchdog: the hardware watchdog's keeper from the initramfs until the agent. Static and free of the C++ runtime, so that it runs
// where there is nothing yet.
//
// It starts the watchdog, goes into the background and pings. It ends when aloftd takes over (SIGTERM) or when its time is over; in both
// cases the watchdog goes on counting, so that a system whose agent does not come up in time is reset, as is one that stops as a whole.
// On a boot of which the boot loader says that it is committed (aloft.state=committed on the kernel's command line) it does nothing.
// The kernel's side: Documentation/watchdog/watchdog-api.rst. Handed over by: src/agent/early_watchdog.cpp.
#include <fcntl.h>
#include <linux/watchdog.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

constexpr char kUsage[] =
    "usage: aloft-watchdog [--timeout SECONDS] [--for SECONDS] [--command-line FILE] [DEVICE]\n"
    "Starts the hardware watchdog DEVICE (/dev/watchdog) with the timeout (30) and pings it in the background until aloftd takes it over,\n"
    "or until the time (120) is over; then the machine is reset after the timeout. Nothing is done when the kernel's command line\n"
    "(/proc/cmdline) has aloft.state=committed. 0: done; 1: there is no watchdog; 2: wrong usage.\n";
constexpr int kDeviceTries = 20;  // 100 ms apart: the driver may be on its way
constexpr long kMaxSeconds = 86400;

struct Options {
  long timeout = 30;
  long time = 120;
  const char* command_line = "/proc/cmdline";
  const char* device = "/dev/watchdog";
};

bool read_seconds(const char* text, long& seconds) {
  char* end = nullptr;
  seconds = std::strtol(text, &end, 10);
  return end != text && *end == '\0' && seconds >= 1 && seconds <= kMaxSeconds;
}

bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc;
    if (std::strcmp(argv[i], "--timeout") == 0 && has_value) {
      if (!read_seconds(argv[++i], options.timeout)) return false;
    } else if (std::strcmp(argv[i], "--for") == 0 && has_value) {
      if (!read_seconds(argv[++i], options.time)) return false;
    } else if (std::strcmp(argv[i], "--command-line") == 0 && has_value) {
      options.command_line = argv[++i];
    } else if (argv[i][0] != '-') {
      options.device = argv[i];
    } else {
      return false;
    }
  }
  return true;
}

// Whether the word stands on the kernel's command line. A file that cannot be read has none: then the watchdog is started.
bool is_committed(const char* file) {
  constexpr char kWord[] = "aloft.state=committed";
  char text[4096] = {};
  const int fd = ::open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t length = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (length <= 0) return false;
  for (char* word = std::strtok(text, " \t\n"); word != nullptr; word = std::strtok(nullptr, " \t\n"))
    if (std::strcmp(word, kWord) == 0) return true;
  return false;
}

int open_device(const char* device) {
  for (int attempt = 1;; ++attempt) {
    const int fd = ::open(device, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 || errno == EBUSY || attempt == kDeviceTries) return fd;
    ::usleep(100'000);
  }
}

long now_seconds() {
  timespec now = {};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec;
}

void say(const char* text) {
  const int log = ::open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
  if (log < 0) return;
  [[maybe_unused]] const auto written = ::write(log, text, std::strlen(text));
  ::close(log);
}

void ping(int watchdog) { [[maybe_unused]] const auto written = ::write(watchdog, "\n", 1); }

// Never says the farewell: the reset stays due.
void keep(int watchdog, long timeout, long time) {
  sigset_t farewell;
  ::sigemptyset(&farewell);
  ::sigaddset(&farewell, SIGTERM);
  const long end = now_seconds() + time;
  const timespec step = {.tv_sec = timeout / 4 > 0 ? timeout / 4 : 1, .tv_nsec = 0};
  do {
    ping(watchdog);
    if (::sigtimedwait(&farewell, nullptr, &step) == SIGTERM) return ping(watchdog);
  } while (now_seconds() < end);
  say("<3>aloft-watchdog: the agent did not come up in time, the machine will be reset\n");
}

// As the process that stays, out of the way of whoever cleans up before the root file system is switched.
void settle_down(char** argv) {
  ::setsid();
  [[maybe_unused]] const int moved = ::chdir("/");
  ::mlockall(MCL_CURRENT | MCL_FUTURE);
  ::prctl(PR_SET_NAME, "aloft-watchdog");
  argv[0][0] = '@';  // systemd spares it: systemd.io/ROOT_STORAGE_DAEMONS
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; ++fd)
    if (null < 0 || ::dup2(null, fd) < 0) ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read_options(argc, argv, options)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  if (is_committed(options.command_line)) return 0;
  const int watchdog = open_device(options.device);
  if (watchdog < 0) {
    std::fprintf(stderr, "aloft-watchdog: cannot open %s: %s; a system that hangs will not be reset\n", options.device,
                 std::strerror(errno));
    return 1;
  }
  int timeout = static_cast<int>(options.timeout);
  if (::ioctl(watchdog, WDIOC_SETTIMEOUT, &timeout) != 0 && ::ioctl(watchdog, WDIOC_GETTIMEOUT, &timeout) != 0)
    timeout = static_cast<int>(options.timeout);
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
  const pid_t child = ::fork();
  if (child > 0) return 0;
  if (child == 0) settle_down(argv);  // no process to spare: keep it from here, rather than not at all
  keep(watchdog, timeout, options.time);
  return 0;
}
