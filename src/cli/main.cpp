#include <CLI/CLI.hpp>
#include <iostream>

#include "base/errors.hpp"
#include "cli/commands.hpp"
#include "cli/terminal.hpp"

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("aloft makes, signs, inspects and verifies update bundles, and talks to an aloft-server.", "aloft");
  app.set_version_flag("--version", "aloft " ALOFT_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  aloft::cli::Run run;
  aloft::cli::add_keys_commands(app, run);
  aloft::cli::add_bundle_commands(app, run);
  aloft::cli::add_delta_commands(app, run);
  aloft::cli::add_server_commands(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : kWrongUsage;
  }
  if (!run) return kWrongUsage;
  const auto result = run();
  if (result) return 0;
  std::cerr << aloft::cli::printable(result.error().text()) << '\n';
  return result.error().code.number == aloft::kBadArgument.number ? kWrongUsage : kFailed;
}
