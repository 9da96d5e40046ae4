#include "agent/command_line.hpp"

#include <algorithm>
#include <array>

#include "agent/client.hpp"
#include "base/errors.hpp"

namespace aloft::agent {
namespace {

struct VerbHelp {
  std::string_view name;
  std::string_view argument;  // empty: none
  std::string_view options;   // that it takes beside the common ones
  std::string_view line;
  std::string_view more;
};

constexpr std::array<VerbHelp, 14> kVerbs{{
    {"daemon", "", "", "run the update agent (systemd does this)", "Runs in the foreground until SIGTERM. Logs to standard error."},
    {"status", "", "--json", "show the running system, the update, the server",
     "--json prints one object; its members: docs/agent.md, \"Local API\"."},
    {"install", "URI", "--wait | --dry-run [--json]", "install a bundle now",
     "URI is a file, an address (http, https, ftp, sftp), or - for standard input. The machine restarts once it is installed.\n"
     "--wait shows progress until then, and exits with 1 when the update did not take place. With - it always waits.\n"
     "--dry-run says what would be written where, and what would stop it. It writes nothing, and needs root but no daemon."},
    {"check", "", "", "ask the server now, instead of after the next delay",
     "While the server is connected a deployment arrives by itself."},
    {"defer", "DURATION", "", "no update from the server for so long", "DURATION is 90s, 15m, 2h or 7d; at most 30d. 0 ends a deferral."},
    {"accept", "", "", "agree to the update that waits for a person",
     "Holds for that one update. What it is: aloftd status, and its release's notes."},
    {"cancel", "", "", "give up the update that is being fetched or installed", "Once the machine is about to restart it is too late."},
    {"history", "", "--json", "show past updates, oldest first", ""},
    {"on-trial", "", "", "tell by the exit status whether the running system is on trial",
     "0: on trial; 1: committed; 2: the boot loader's state cannot be read. Works without the daemon, as root; for scripts."},
    {"partition", "", "--dry-run", "make and grow the partitions that the configuration asks for",
     "Works without the daemon, as root. Nothing is moved, made smaller or deleted. --dry-run only says what would be done."},
    {"doctor", "", "--json", "examine this device, and say how to mend what is wrong",
     "Works without the daemon, as root. Exits with 1 when something is wrong. Every finding: docs/doctor.md."},
    {"factory-reset", "", "--yes | --cancel", "empty the application's folders at the next start",
     "The folders are those of [factory_reset] in system.toml. The agent's own state stays. --cancel withdraws it before the restart."},
    {"help", "", "", "show this", ""},
    {"version", "", "", "show the program's version", ""},
}};

const VerbHelp* find_verb(std::string_view name) {
  const auto found = std::ranges::find(kVerbs, name, &VerbHelp::name);
  return found == kVerbs.end() ? nullptr : &*found;
}

std::unexpected<Error> misuse(const std::string& what, const std::string& verb) {
  return fail(kBadArgument, what + "; see aloftd" + (verb.empty() ? "" : " " + verb) + " --help");
}

constexpr std::array<std::pair<std::string_view, bool CommandLine::*>, 5> kFlags{{{"--json", &CommandLine::json},
                                                                                  {"--wait", &CommandLine::wait},
                                                                                  {"--dry-run", &CommandLine::dry_run},
                                                                                  {"--yes", &CommandLine::yes},
                                                                                  {"--cancel", &CommandLine::withdraw}}};

Result<> take_flag(CommandLine& line, std::string_view flag) {
  if (line.verb == "factory-reset" && flag == "--carry-out") {  // for the early service only, so it stands in no help
    line.carry_out = true;
    return {};
  }
  const VerbHelp* const verb = find_verb(line.verb);
  const auto known = std::ranges::find(kFlags, flag, [](const auto& each) { return each.first; });
  if (verb == nullptr || known == kFlags.end() || !verb->options.contains(flag))
    return misuse("unknown option " + std::string(flag), line.verb);
  line.*(known->second) = true;
  return {};
}

}  // namespace

Result<CommandLine> parse_command_line(std::span<const char* const> arguments) {
  CommandLine line;
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    const std::string word = arguments[at];
    if (word == "--help" || word == "-h") {
      line.help = true;
    } else if (word == "--config" || word == "--socket") {
      if (++at == arguments.size()) return misuse(word + " needs a path", line.verb);
      (word == "--config" ? line.config : line.socket) = arguments[at];
    } else if (word == "--version" && line.verb.empty()) {
      line.verb = "version";
    } else if (word.starts_with('-') && word != "-") {
      TRY(take_flag(line, word));
    } else if (line.verb.empty()) {
      if (find_verb(word) == nullptr) return misuse("unknown command \"" + word + "\"", "");
      line.verb = word;
    } else if (line.argument.empty() && !find_verb(line.verb)->argument.empty()) {
      line.argument = word;
    } else {
      return misuse("\"" + word + "\" is one word too many", line.verb);
    }
  }
  if (line.help) return line;
  if (line.verb.empty()) return misuse("what is to be done?", "");
  const VerbHelp& verb = *find_verb(line.verb);
  if (line.argument.empty() && !verb.argument.empty()) return misuse(line.verb + " needs a " + std::string(verb.argument), line.verb);
  if (line.verb == "defer")
    if (const auto duration = parse_duration(line.argument); !duration) return misuse(duration.error().message, line.verb);
  return line;
}

std::string usage(const std::string& name) {
  const VerbHelp* const verb = find_verb(name);
  if (verb == nullptr || name == "help") {
    std::string text = "aloftd: the update agent of this device\n\nusage: aloftd COMMAND [options]\n\n";
    for (const VerbHelp& each : kVerbs) {
      std::string call = std::string(each.name) + (each.argument.empty() ? "" : " ") + std::string(each.argument);
      call.resize(std::max<std::size_t>(call.size() + 1, 18), ' ');
      text += "  " + call + std::string(each.line) + "\n";
    }
    return text + "\nEach has --help. Common options: --config FILE (" + kDefaultConfigPath + "), --socket PATH.\n";
  }
  std::string text = "usage: aloftd " + name;
  if (!verb->options.empty()) text += " [" + std::string(verb->options) + "]";
  if (!verb->argument.empty()) text += " " + std::string(verb->argument);
  constexpr std::array<std::string_view, 5> kWithoutDaemon{"daemon", "doctor", "on-trial", "partition", "factory-reset"};
  const bool asks_daemon = std::ranges::find(kWithoutDaemon, name) == kWithoutDaemon.end();
  text += std::string(" [--config FILE]") + (asks_daemon ? " [--socket PATH]" : "") + "\n\n" + std::string(verb->line) + "\n";
  if (!verb->more.empty()) text += std::string(verb->more) + "\n";
  return text;
}

}  // namespace aloft::agent
