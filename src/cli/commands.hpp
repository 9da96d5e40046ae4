// The commands of aloft, one file each; main.cpp puts them together.
#pragma once

#include <functional>

#include "base/result.hpp"

namespace CLI {
class App;
}

namespace aloft::cli {

// Each adds its subcommands to the app and, when one is chosen, sets `run`. Errors are printed by main as text() and exit with status 1;
// wrong usage exits with 2.
using Run = std::function<Result<>()>;
void add_keys_commands(CLI::App& app, Run& run);    // keys: make development CAs and signing keys
void add_bundle_commands(CLI::App& app, Run& run);  // bundle create, sign, extract, attach, verify, show, unpack
void add_delta_commands(CLI::App& app, Run& run);   // delta create, info, apply
void add_server_commands(CLI::App& app, Run& run);  // login, release, device, deploy, watch

}  // namespace aloft::cli
