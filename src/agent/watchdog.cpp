#include "agent/watchdog.hpp"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "agent/errors.hpp"

namespace aloft::agent {
namespace {

constexpr std::uint64_t kMaxAttributeBytes = 4096;

unsigned long number_or_zero(const std::filesystem::path& file) {
  const auto text = read_file(file, kMaxAttributeBytes);
  unsigned long value = 0;
  return text && std::from_chars(text->data(), text->data() + text->size(), value).ec == std::errc{} ? value : 0;
}

}  // namespace

Result<Watchdog> Watchdog::open(const std::filesystem::path& device, std::chrono::seconds timeout) {
  Watchdog watchdog;
  watchdog.fd_ = Fd(::open(device.c_str(), O_WRONLY | O_CLOEXEC));
  if (!watchdog.fd_) {
    const int problem = errno;
    return fail(problem == EBUSY ? kWatchdogHeld : kWatchdog,
                "no hardware watchdog: " + system_error("cannot open", device, problem).message +
                    "; a system that hangs will not be reset by this agent");
  }
  int seconds = static_cast<int>(timeout.count());
  if (::ioctl(watchdog.fd_.get(), WDIOC_SETTIMEOUT, &seconds) != 0 && ::ioctl(watchdog.fd_.get(), WDIOC_GETTIMEOUT, &seconds) != 0)
    seconds = static_cast<int>(timeout.count());
  watchdog.timeout_ = std::chrono::seconds(seconds);
  watchdog.ping();
  return watchdog;
}

void Watchdog::ping() {
  if (fd_) [[maybe_unused]]
    const auto written = ::write(fd_.get(), "\n", 1);
}

void Watchdog::disarm() {
  if (fd_) [[maybe_unused]]
    const auto written = ::write(fd_.get(), "V", 1);
  fd_ = Fd();
}

WatchdogFacts watchdog_facts(const std::filesystem::path& device, const std::filesystem::path& sysfs) {
  std::string name = device.filename().string();
  if (name == "watchdog") name = "watchdog0";
  const auto folder = sysfs / name;
  const unsigned long status = number_or_zero(folder / "bootstatus");
  return WatchdogFacts{.running = read_file(folder / "state", kMaxAttributeBytes).value_or("").starts_with("active"),
                       .cannot_be_stopped = number_or_zero(folder / "nowayout") != 0,
                       .caused_last_boot = (status & WDIOF_CARDRESET) != 0,
                       .overheated = (status & WDIOF_OVERHEAT) != 0,
                       .power_fault = (status & (WDIOF_POWERUNDER | WDIOF_POWEROVER)) != 0};
}

}  // namespace aloft::agent
