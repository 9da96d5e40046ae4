#include <CLI/CLI.hpp>
#include <iostream>

#include "base/errors.hpp"
#include "base/usage.hpp"
#include "cli/commands.hpp"
#include "cli/terminal.hpp"

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

// A result that a full disk swallowed is a failure.
aloft::Result<> deliver_output() {
  if (std::cout.flush()) return {};
  return aloft::fail(aloft::kIo, "cannot write all of the result to standard output; is the disk full that it goes to?");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("aloft makes, signs, inspects and verifies update bundles, and talks to an aloft-server.", "aloft");
  app.set_version_flag("--version", "aloft " ALOFT_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.failure_message(aloft::usage_complaint);
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
  auto result = run();
  if (result) result = deliver_output();
  if (result) return 0;
  std::cerr << aloft::cli::printable(result.error().text()) << '\n';
  return result.error().code.number == aloft::kBadArgument.number ? kWrongUsage : kFailed;
}
