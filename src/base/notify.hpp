// Words to the service manager, by the protocol of sd_notify(3): datagrams to $NOTIFY_SOCKET.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace aloft {

// Sends "READY=1", "STATUS=...", "WATCHDOG=1", "STOPPING=1"; several are parted by newlines. Nothing happens without a service manager.
void notify_service_manager(const std::string& state);

// How often WATCHDOG=1 is due (half of $WATCHDOG_USEC), when it is asked of this process.
std::optional<std::chrono::milliseconds> service_watchdog_interval();

}  // namespace aloft
