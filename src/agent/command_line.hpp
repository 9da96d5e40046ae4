// aloftd's command line.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "base/result.hpp"

namespace aloft::agent {

struct CommandLine {
  std::string verb;      // "daemon", "status", "install", "check", "defer", "cancel", "history", "doctor", "on-trial",
                         // "partition", "factory-reset", "help", "version"
  std::string argument;  // of install: URI; of defer: duration
  std::filesystem::path config = kDefaultConfigPath;
  std::filesystem::path socket;  // empty: as configured, or the default where there is no readable configuration
  bool json = false;
  bool wait = false;
  bool dry_run = false;    // install, partition
  bool yes = false;        // factory-reset: this and the next two
  bool withdraw = false;   // --cancel
  bool carry_out = false;  // what the early service says
  bool help = false;
};

// Errors: kBadArgument, with how it is done right.
Result<CommandLine> parse_command_line(std::span<const char* const> arguments);
// For `aloftd --help` (verb empty) or one verb.
std::string usage(const std::string& verb);

}  // namespace aloft::agent
