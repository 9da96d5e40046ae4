// aloftd: one poll loop in the main thread; the updater, the link to the server and a trial's judge in threads of their own.
#pragma once

#include "agent/config.hpp"
#include "base/result.hpp"

namespace aloft::agent {

// Runs until SIGTERM or SIGINT. Everything that matters is on disk before it is acted on, so that ending at any moment is safe.
// Errors: what keeps the agent from starting; nothing has been changed then.
Result<> run_daemon(const Config& config);

}  // namespace aloft::agent
