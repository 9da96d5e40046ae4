// Following a deployment to its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/server_session.hpp"

namespace aloft::cli {

struct WatchOptions {
  bool json = false;                // one transition a line, then the deployment
  std::chrono::seconds timeout{0};  // 0: for ever
};

// Prints each transition as it happens. Errors: kNotCommitted with the device's own error when it ended otherwise, kWatchTimeout, the
// server's. Broken connections are taken up again.
Result<> watch_deployment(ServerSession& session, std::uint64_t id, const WatchOptions& options);

// A transition or deployment in words: "rolled-back  E6002 the check of the network failed".
std::string transition_text(const Json& transition);

}  // namespace aloft::cli
