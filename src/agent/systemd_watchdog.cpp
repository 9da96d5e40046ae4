#include "agent/systemd_watchdog.hpp"

#include "base/errors.hpp"
#include "base/file.hpp"
#include "base/process.hpp"

namespace aloft::agent {
namespace {

constexpr std::chrono::seconds kReloadLimit{30};

}  // namespace

Result<> give_watchdog_to_systemd(const std::filesystem::path& folder, const std::filesystem::path& device, std::chrono::seconds timeout) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  TRY(replace_file(folder / "50-aloft-watchdog.conf",
                   "# Written by aloftd: [watchdog] systemd_timeout_s of /etc/aloft/system.toml.\n[Manager]\n"
                   "WatchdogDevice=" +
                       device.string() + "\nRuntimeWatchdogSec=" + std::to_string(timeout.count()) + "s\n"));
  const auto end = TRY(run_process({"systemctl", "daemon-reload"}, kReloadLimit));
  if (!end.timed_out && end.exit_status == 0) return {};
  return fail(kProcess, "systemctl daemon-reload ended with status " + std::to_string(end.exit_status) + ": " + last_line(end.output));
}

}  // namespace aloft::agent
