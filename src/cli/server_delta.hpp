// `aloft release delta`.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"

namespace aloft::cli {

void add_server_delta_commands(CLI::App& release, Run& run);

}  // namespace aloft::cli
