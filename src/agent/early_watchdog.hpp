// The program that holds the hardware watchdog between the initramfs and the agent: integration/initramfs/aloft_watchdog.cpp.
#pragma once

#include <filesystem>

namespace aloft::agent {

// Asks it (SIGTERM) to let go of the watchdog; it then pings once more and closes without the farewell, so that the reset stays due until
// it is opened anew. Returns at once; true if there is such a process, of this user (root). proc: where procfs is.
bool dismiss_early_watchdog(const std::filesystem::path& proc);

}  // namespace aloft::agent
