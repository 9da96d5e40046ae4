// What programs with commands answer to a command line that is no good: the same words for each of them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace aloft {

// For CLI::App::failure_message. The library says of a word that is no command only that one is missing, and not what is wrong with a
// number. Where a command is missing, all that there are stand in front.
inline std::string usage_complaint(const CLI::App* app, const CLI::Error& problem) {
  const CLI::App* last = app;
  std::string name = app->get_name();
  for (; !last->get_subcommands().empty(); name += " " + last->get_name()) last = last->get_subcommands().front();
  if (problem.get_name() == "ConversionError")
    return std::string(problem.what()) + ", which is no number it can take; see " + name + " --help\n";
  if (last->get_require_subcommand_min() == 0) return CLI::FailureMessage::simple(app, problem);
  const auto words = app->remaining(true);
  if (words.empty()) return app->help() + name + " needs a command\n";
  return "\"" + words.front() + "\" is no command of " + name + "; see " + name + " --help\n";
}

}  // namespace aloft
