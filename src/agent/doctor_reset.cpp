// What ends a system that panics or hangs, so that the boot loader gets its turn.
#include <linux/watchdog.h>

#include <charconv>
#include <optional>

#include "agent/examination.hpp"
#include "agent/root_device.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxKernelFileBytes = 4096;
constexpr std::chrono::seconds kShortest{15};  // that a machine needs from the agent's end to the next agent's start

std::optional<long> parse_number(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  long value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal ? 16 : 10);
  return read.ec == std::errc{} ? std::optional(value) : std::nullopt;
}

std::optional<long> number_of(const fs::path& file) {
  const auto text = read_file(file, kMaxKernelFileBytes);
  return text ? parse_number(*text) : std::nullopt;
}

struct Holder {
  std::string pid;
  std::string program;
};

// Only root sees whose descriptors these are.
std::optional<Holder> holder_of(const fs::path& device, const fs::path& proc) {
  std::error_code problem;
  for (const auto& process : fs::directory_iterator(proc, problem)) {
    const std::string pid = process.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code gone;
    for (fs::directory_iterator fd(process.path() / "fd", gone), end; !gone && fd != end; fd.increment(gone)) {
      const fs::path target = fs::read_symlink(fd->path(), problem);
      if (problem || (target != device && target != device.string() + "0")) continue;
      std::string program = read_file(process.path() / "comm", kMaxKernelFileBytes).value_or("a program");
      program.erase(program.find_last_not_of('\n') + 1);
      return Holder{pid, program};
    }
  }
  return std::nullopt;
}

void examine_holder(const Patient& patient, const fs::path& device, Examination& out) {
  const auto holder = holder_of(device, patient.places.proc);
  if (!holder || holder->program == "aloftd" || holder->program == "aloft-watchdog") return;
  std::error_code problem;
  if (holder->pid == "1" && fs::exists(patient.places.run / "systemd/system.conf.d/50-aloft-watchdog.conf", problem)) return;
  out.warn("watchdog-held",
           holder->program + " (process " + holder->pid + ") holds " + device.string() + ": it is pinged although the agent hangs",
           "let nothing but the agent take it during a trial; under systemd without RuntimeWatchdogSec= in the image");
}

void examine_timeout(const Patient& patient, const fs::path& attributes, Examination& out) {
  const WatchdogConfig& watchdog = patient.config.watchdog;
  const std::string says = "watchdog.timeout_s is " + std::to_string(watchdog.timeout.count());
  const auto most = number_of(attributes / "max_timeout");
  if (most && *most > 0 && watchdog.timeout.count() > *most)
    return out.warn("watchdog-timeout", says + ", but the driver takes " + std::to_string(*most) + " s at most",
                    "set it to that, and see that the machine starts within it");
  if (watchdog.timeout >= patient.config.health.deadline)
    return out.warn("watchdog-timeout",
                    says + ", not less than the health deadline of " + std::to_string(patient.config.health.deadline.count()) + " s",
                    "make it shorter, so that a hang is ended before a slow but good start would be");
  if (watchdog.timeout < kShortest)
    out.warn("watchdog-timeout", says + ": the machine is reset where its restart takes longer",
             "make it longer than the time from the agent's end to its start");
}

void examine_driver(const WatchdogConfig& watchdog, const fs::path& attributes, Examination& out) {
  const bool no_way_out = number_of(attributes / "nowayout").value_or(0) != 0;
  if (no_way_out || (watchdog.locked && watchdog.systemd_timeout.count() == 0))
    out.warn("watchdog-nowayout",
             std::string("the watchdog cannot be stopped (") + (no_way_out ? "nowayout" : "locked by the boot loader") +
                 "): whoever has it must ping until the machine goes down",
             "let systemd have it after the commit, so that an agent that is updated or ends does not reset the machine");
  const auto options = number_of(attributes / "options");
  if (options && (*options & WDIOF_MAGICCLOSE) == 0)
    out.warn("watchdog-no-magic-close", "the watchdog's driver has no magic close: it stops when the agent crashes",
             "load the driver with nowayout=1, and let systemd have the watchdog after the commit");
}

}  // namespace

void examine_panic(const Patient& patient, Examination& out) {
  const std::string on_line = command_line_value(patient.command_line, "panic=");
  const auto timeout = number_of(patient.places.proc / "sys/kernel/panic");
  if (!timeout) return out.unknown("panic-timeout", "/proc/sys/kernel/panic cannot be read", "put panic=5 on the kernel's command line");
  if (*timeout == 0)
    return out.bad("panic-timeout", "after a panic the kernel stops for ever (kernel.panic = 0): the boot loader never gets to go back",
                   "put panic=5 on the kernel's command line");
  if (parse_number(on_line).value_or(0) == 0)
    return out.warn("panic-early",
                    "kernel.panic is " + std::to_string(*timeout) +
                        ", but the command line has no panic=: unless the kernel is built "
                        "with it, a panic before sysctl has run stops the machine for ever",
                    "put panic=5 on the kernel's command line");
  out.good("panic-timeout", "a panic restarts the machine");
}

// A processor that is stuck in the kernel is no panic, and where there are several, the agent pings on from another one.
void examine_lockup(const Patient& patient, Examination& out) {
  const fs::path kernel = patient.places.proc / "sys/kernel";
  const auto panics = number_of(kernel / "softlockup_panic");
  if (!panics) return;  // built without the detector: the hardware watchdog is all there is
  const std::string mend = "put softlockup_panic=1 on the kernel's command line";
  if (*panics == 0 || number_of(kernel / "soft_watchdog").value_or(1) == 0)
    return out.warn("lockup-panic",
                    "a processor that is stuck in the kernel stays stuck (kernel.softlockup_panic or kernel.soft_watchdog is 0): nothing "
                    "restarts the machine while another one pings the watchdog, or before there is a watchdog",
                    mend);
  if (parse_number(command_line_value(patient.command_line, "softlockup_panic=")).value_or(0) == 0)
    return out.warn("lockup-early",
                    "kernel.softlockup_panic is set, but not on the command line: unless the kernel is built with it, a processor that is "
                    "stuck before sysctl has run stays stuck",
                    mend);
  out.good("lockup-panic", "a processor that is stuck in the kernel is a panic");
}

void examine_watchdog(const Patient& patient, Examination& out) {
  const fs::path& device = patient.config.watchdog.device;
  if (device.empty()) return out.warn("watchdog-none", "no watchdog is configured", "set watchdog.device, if the board has one");
  const fs::path here = device.string().starts_with("/dev/") ? patient.places.dev / device.string().substr(5) : device;
  std::error_code problem;
  if (!fs::exists(here, problem))
    return out.warn("watchdog-missing", "there is no " + device.string(),
                    "load the board's watchdog driver (softdog is better than none): without it nobody resets a system that hangs");
  const std::size_t before = out.count();
  const std::string name = device.filename() == "watchdog" ? "watchdog0" : device.filename().string();
  const fs::path attributes = patient.places.sys / "class/watchdog" / name;
  examine_holder(patient, device, out);
  examine_timeout(patient, attributes, out);
  examine_driver(patient.config.watchdog, attributes, out);
  std::string identity = read_file(attributes / "identity", kMaxKernelFileBytes).value_or("");
  identity.erase(identity.find_last_not_of('\n') + 1);
  if (out.all_good_since(before)) out.good("watchdog", "watchdog " + device.string() + (identity.empty() ? "" : " (" + identity + ")"));
}

}  // namespace aloft::agent
