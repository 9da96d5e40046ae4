#include "agent/watchdog.hpp"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/errors.hpp"

namespace aloft::agent {

Result<Watchdog> Watchdog::open(const std::filesystem::path& device, std::chrono::seconds timeout) {
  auto fd = open_file(device, O_WRONLY);
  if (!fd) return fail(kWatchdog, "no hardware watchdog: " + fd.error().message + "; a system that hangs will not be reset");
  Watchdog watchdog;
  watchdog.fd_ = *std::move(fd);
  int boot_status = 0;
  if (::ioctl(watchdog.fd_.get(), WDIOC_GETBOOTSTATUS, &boot_status) == 0)
    watchdog.caused_last_boot_ = (boot_status & WDIOF_CARDRESET) != 0;
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

}  // namespace aloft::agent
