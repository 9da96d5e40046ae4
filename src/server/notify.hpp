// Words to the service manager, by the protocol of sd_notify(3).
#pragma once

#include <string>

namespace aloft::server {

// "READY=1", "STOPPING=1": nothing happens without a service manager.
void notify_service_manager(const std::string& state);

}  // namespace aloft::server
