#include "base/confinement.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <string_view>
#include <vector>

#include "base/sanitized.hpp"

namespace aloft {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__i386__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_I386;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#elif defined(__arm__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_ARM;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_RISCV64;
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_PPC64LE;
#elif defined(__mips__) && defined(__MIPSEL__) && _MIPS_SIM == _ABIO32
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_MIPSEL;
#else
#error "add this processor's number of linux/audit.h"
#endif

constexpr uid_t kNobody = 65534;

// Reading and writing what is open, memory, and the end.
constexpr std::array kAllowed{
    __NR_read,
    __NR_write,
    __NR_pread64,
    __NR_munmap,
    __NR_mremap,
    __NR_madvise,
    __NR_brk,
    __NR_exit,
    __NR_exit_group,
    __NR_rt_sigreturn,
    __NR_restart_syscall,
#ifdef __NR_sigreturn
    __NR_sigreturn,
#endif
    __NR_futex,
#ifdef __NR_futex_time64
    __NR_futex_time64,
#endif
    __NR_clock_gettime,
#ifdef __NR_clock_gettime64
    __NR_clock_gettime64,
#endif
    __NR_getrandom,  // malloc's
};

// Memory that no code can be put into: the third argument has no PROT_EXEC.
constexpr std::array kWithoutCode{
#ifdef __NR_mmap
    __NR_mmap,
#endif
#ifdef __NR_mmap2
    __NR_mmap2,
#endif
    __NR_mprotect,
};

struct Refused {
  int number;
  std::uint32_t error;
};
// What a C library may ask for by itself, and can do without.
constexpr std::array kRefused{
#ifdef __NR_open
    Refused{__NR_open, EACCES},
#endif
    Refused{__NR_openat, EACCES},
#ifdef __NR_fstat
    Refused{__NR_fstat, EPERM},
#endif
#ifdef __NR_newfstatat
    Refused{__NR_newfstatat, EPERM},
#endif
    Refused{__NR_sysinfo, EPERM},    Refused{__NR_uname, EPERM}, Refused{__NR_ioctl, EPERM},
};

constexpr std::uint32_t low_half(std::uint32_t offset) { return offset + (std::endian::native == std::endian::big ? 4U : 0U); }

std::vector<sock_filter> filter() {
  constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
  constexpr std::uint16_t kIfEqual = BPF_JMP | BPF_JEQ | BPF_K;
  constexpr std::uint16_t kIfAny = BPF_JMP | BPF_JSET | BPF_K;
  constexpr std::uint16_t kReturn = BPF_RET | BPF_K;
  const sock_filter allow{kReturn, 0, 0, SECCOMP_RET_ALLOW};
  const sock_filter kill{kReturn, 0, 0, SECCOMP_RET_KILL_PROCESS};
  std::vector<sock_filter> program{
      {kLoad, 0, 0, offsetof(seccomp_data, arch)}, {kIfEqual, 1, 0, kArchitecture}, kill, {kLoad, 0, 0, offsetof(seccomp_data, nr)}};
  const auto let_through = [&](int number) {
    program.push_back({kIfEqual, 0, 1, static_cast<std::uint32_t>(number)});
    program.push_back(allow);
  };
  for (const int number : kAllowed) let_through(number);
  if (kSanitized) let_through(__NR_sigaltstack);  // the sanitizer's, before what does not return
  for (const int number : kWithoutCode) {
    program.push_back({kIfEqual, 0, 4, static_cast<std::uint32_t>(number)});
    program.push_back({kLoad, 0, 0, low_half(offsetof(seccomp_data, args) + 2 * sizeof(std::uint64_t))});
    program.push_back({kIfAny, 0, 1, PROT_EXEC});
    program.push_back(kill);
    program.push_back(allow);
  }
  for (const Refused& refused : kRefused) {
    program.push_back({kIfEqual, 0, 1, static_cast<std::uint32_t>(refused.number)});
    program.push_back({kReturn, 0, 0, SECCOMP_RET_ERRNO | refused.error});
  }
  program.push_back(kill);
  return program;
}

bool install_filter() {
  auto program = filter();
  sock_fprog whole{.len = static_cast<unsigned short>(program.size()), .filter = program.data()};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) == 0;
}

// The first to go when memory is short.
void volunteer() {
  constexpr std::string_view kMost = "1000\n";
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  [[maybe_unused]] const auto written = ::write(file, kMost.data(), kMost.size());
  ::close(file);
}

void limit(int resource, rlim_t soft, rlim_t hard) {
  const rlimit both{.rlim_cur = soft, .rlim_max = hard};
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &both);
}

void limit(int resource, rlim_t value) { limit(resource, value, value); }

bool drop_privileges() {
  if (::geteuid() == 0) {
    ::setgroups(0, nullptr);
    [[maybe_unused]] const bool changed = ::setresgid(kNobody, kNobody, kNobody) == 0 && ::setresuid(kNobody, kNobody, kNobody) == 0;
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> none{};
  ::syscall(SYS_capset, &header, none.data());
  return ::geteuid() != 0 && ::getuid() != 0;
}

}  // namespace

Confinement confine(const ConfinementLimits& limits) {
  volunteer();
  Confinement done;
  done.unprivileged = drop_privileges();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of user would undo it
  if (::getppid() != limits.parent) ::_exit(1);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NPROC, 0);
  limit(RLIMIT_NOFILE, 0);
  const auto cpu = static_cast<rlim_t>(limits.cpu.count());
  limit(RLIMIT_CPU, cpu, cpu + 1);  // SIGXCPU first
  if (!kSanitized) limit(RLIMIT_DATA, limits.memory_bytes);
  done.filtered = install_filter();
  return done;
}

}  // namespace aloft
