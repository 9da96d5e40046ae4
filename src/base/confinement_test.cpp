#include "base/confinement.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <string>

#include "base/file.hpp"
#include "base/sanitized.hpp"

namespace aloft {
namespace {

constexpr std::uint64_t kMemory = 32ULL << 20;

ConfinementLimits limits(int parent) { return {.memory_bytes = kMemory, .cpu = std::chrono::seconds(1), .parent = parent}; }

// The wait status of a process that confines itself and then does this; what it returns is its exit status.
int confined(const std::function<int()>& act) {
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    const Confinement done = confine(limits(self));
    if (!done.filtered) ::_exit(100);
    ::_exit(act());
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

int exit_status(const std::function<int()>& act) {
  const int status = confined(act);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

class Confined : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(exit_status([] { return 0; }), 0) << "these tests need a kernel with CONFIG_SECCOMP_FILTER; aloftd does without it";
  }
};

TEST_F(Confined, OpensNoFile) {
  EXPECT_EQ(exit_status([] { return ::open("/etc/passwd", O_RDONLY) == -1 ? errno : 0; }), EACCES);
  EXPECT_EQ(exit_status([] { return ::open("/tmp/made", O_WRONLY | O_CREAT, 0600) == -1 ? errno : 0; }), EACCES);
  for (const long call : {long{SYS_openat2}, long{SYS_memfd_create}, long{SYS_unlinkat}, long{SYS_mkdirat}, long{SYS_name_to_handle_at}})
    EXPECT_EQ(exit_status([call] { return ::syscall(call, 0, "/etc/passwd", 0, 0) == -1 ? 1 : 0; }), 1000 + SIGSYS) << call;
}

TEST_F(Confined, HasNoNetwork) {
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK})
    EXPECT_EQ(exit_status([family] { return ::socket(family, SOCK_DGRAM, 0) == -1 ? 1 : 0; }), 1000 + SIGSYS) << family;
}

TEST_F(Confined, StartsNothingAndTouchesNoOtherProcess) {
  EXPECT_EQ(exit_status([] { return ::fork() == -1 ? 1 : 0; }), 1000 + SIGSYS);
  EXPECT_EQ(exit_status([] { return ::execl("/bin/true", "true", nullptr); }), 1000 + SIGSYS);
  EXPECT_EQ(exit_status([] { return ::kill(::getppid(), 0) == -1 ? 1 : 0; }), 1000 + SIGSYS);
}

TEST_F(Confined, BringsNoCodeIntoItsMemory) {
  const auto map = [](int protection) {
    return [protection] { return ::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 1 : 7; };
  };
  EXPECT_EQ(exit_status(map(PROT_READ | PROT_WRITE)), 7);
  EXPECT_EQ(exit_status(map(PROT_READ | PROT_EXEC)), 1000 + SIGSYS);
}

TEST_F(Confined, ReadsAndWritesWhatItHolds) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ASSERT_EQ(exit_status([&] { return ::write(ends[1], "word", 4) == 4 ? 0 : 1; }), 0);
  std::array<char, 8> read{};
  EXPECT_EQ(::read(ends[0], read.data(), read.size()), 4);
  const int file = ::open("/proc/self/exe", O_RDONLY);
  EXPECT_EQ(exit_status([&] { return ::pread(file, read.data(), 4, 0) == 4 && read[1] == 'E' ? 0 : 1; }), 0);
  for (const int fd : {ends[0], ends[1], file}) ::close(fd);
}

TEST_F(Confined, IsBoundedInMemoryAndTime) {
  const auto allocate = [](std::size_t size) {
    return [size] { return std::malloc(size) == nullptr ? 1 : 0; };  // NOLINT: never freed, the process ends
  };
  if (!kSanitized) {
    EXPECT_EQ(exit_status(allocate(kMemory / 4)), 0);
    EXPECT_EQ(exit_status(allocate(kMemory)), 1);
  }
  const int status = confined([] {
    for (volatile unsigned spins = 0;;) ++*const_cast<unsigned*>(&spins);
    return 0;
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGXCPU);
}

// Whether root may become user 65534: a user namespace need not know it.
bool nobody_is_known() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::setresgid(65534, 65534, 65534) == 0 && ::setresuid(65534, 65534, 65534) == 0 ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  return status == 0;
}

// This process asks for filters as on a kernel that has none: EINVAL, prctl(2).
bool lose_filters() {
  std::array program{sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
                     sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 3, __NR_prctl},
                     sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args)},
                     sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, PR_SET_SECCOMP},
                     sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EINVAL},
                     sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  const sock_fprog whole{.len = program.size(), .filter = program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) == 0;
}

// In a process without filters that confines itself; 100 if it cannot be made.
int exit_status_without_filters(const std::function<int()>& act) {
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    if (!lose_filters() || confine(limits(self)).filtered) ::_exit(100);
    ::_exit(act());
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST_F(Confined, WithoutFiltersItsLimitsHold) {
  EXPECT_EQ(exit_status_without_filters([] { return ::open("/etc/passwd", O_RDONLY) == -1 ? errno : 0; }), EMFILE);
  EXPECT_EQ(exit_status_without_filters([] { return ::socket(AF_INET, SOCK_DGRAM, 0) == -1 ? errno : 0; }), EMFILE);
  const auto forks = [] {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    return child == -1 ? errno : 0;
  };
  const bool stays_root = ::geteuid() == 0 && !nobody_is_known();
  EXPECT_EQ(exit_status_without_filters(forks), stays_root ? 0 : EAGAIN);
  const int file = ::memfd_create("file", 0);
  ASSERT_NE(file, -1);
  EXPECT_EQ(exit_status_without_filters([&] { return ::write(file, "word", 4) == -1 ? errno : 0; }), 1000 + SIGXFSZ);
  ::close(file);
  EXPECT_EQ(exit_status_without_filters([] { return 7; }), 7) << "what it has goes on";
}

// The pipe ends when nobody holds its other end any more.
TEST_F(Confined, EndsWithItsParent) {
  std::array<int, 2> held{};
  std::array<int, 2> never{};
  ASSERT_EQ(::pipe(held.data()), 0);
  ASSERT_EQ(::pipe(never.data()), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    const pid_t self = ::getpid();
    if (::fork() == 0) {
      confine(limits(self));
      char byte = 0;
      [[maybe_unused]] auto count = ::write(held[1], &byte, 1);
      count = ::read(never[0], &byte, 1);
      ::_exit(0);
    }
    ::pause();
  }
  ::close(held[1]);
  char byte = 0;
  ASSERT_EQ(::read(held[0], &byte, 1), 1);
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_EQ(::read(held[0], &byte, 1), 0);
}

TEST_F(Confined, IsNobody) {
  const bool root = ::geteuid() == 0;
  const bool becomes_nobody = root && nobody_is_known();
  std::array<int, 2> ready{};
  std::array<int, 2> never{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  ASSERT_EQ(::pipe(never.data()), 0);
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    const char byte = confine(limits(self)).unprivileged ? 'u' : 'r';
    [[maybe_unused]] auto count = ::write(ready[1], &byte, 1);
    char end = 0;
    count = ::read(never[0], &end, 1);
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const std::string status = read_file("/proc/" + std::to_string(child) + "/status").value_or("");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_NE(status.find("NoNewPrivs:\t1"), std::string::npos) << status;
  EXPECT_NE(status.find("Seccomp:\t2"), std::string::npos) << status;
  EXPECT_NE(status.find("CapEff:\t0000000000000000"), std::string::npos) << status;
  EXPECT_NE(status.find("CapPrm:\t0000000000000000"), std::string::npos) << status;
  EXPECT_EQ(byte, root && !becomes_nobody ? 'r' : 'u');
  if (!becomes_nobody) return;
  EXPECT_NE(status.find("Uid:\t65534\t65534\t65534\t65534"), std::string::npos) << status;
  EXPECT_NE(status.find("Groups:\t \n"), std::string::npos) << status;
}

}  // namespace
}  // namespace aloft
