#include <iostream>

#include "agent/client.hpp"
#include "agent/command_line.hpp"
#include "agent/configured_boot.hpp"
#include "agent/daemon.hpp"
#include "agent/doctor.hpp"
#include "agent/dry_run.hpp"
#include "agent/errors.hpp"
#include "agent/factory_reset.hpp"
#include "agent/partition_command.hpp"
#include "delta/rebuild_worker.hpp"

namespace {

using namespace aloft;
using namespace aloft::agent;

// The socket of the configuration; a user who may not read that finds the usual one.
std::filesystem::path socket_of(const CommandLine& line) {
  if (!line.socket.empty()) return line.socket;
  const auto config = load_config(line.config);
  return config ? config->agent.socket : AgentConfig{}.socket;
}

Result<> factory_reset(const CommandLine& line) {
  const Config config = TRY(load_config(line.config));
  if (line.withdraw) return cancel_factory_reset(config.state_dir);
  if (line.carry_out) {
    if (TRY(carry_out_factory_reset(config.state_dir, config.reset_folders)) == Reset::done) std::cout << "factory reset: done\n";
    return {};
  }
  if (!line.yes)
    return fail(kNotConfirmed, "at the next start everything in the folders of [factory_reset] would be lost; say --yes if that is meant");
  TRY(request_factory_reset(config.state_dir, config.reset_folders));
  std::cout << "the application's folders are emptied at the next start; aloftd factory-reset --cancel withdraws it\n";
  return {};
}

Result<> run(const CommandLine& line) {
  if (line.verb == "daemon") return run_daemon(TRY(load_config(line.config)));
  if (line.verb == "partition") {
    SystemRandom random;
    return partition(TRY(load_config(line.config)), line.dry_run ? storage::Apply::no : storage::Apply::yes, random);
  }
  if (line.verb == "factory-reset") return factory_reset(line);
  const Output output = line.json ? Output::json : Output::text;
  if (line.dry_run) return dry_run(TRY(load_config(line.config)), line.argument, output);
  const std::filesystem::path socket = socket_of(line);
  if (line.verb == "status") return show_status(socket, output);
  if (line.verb == "history") return show_history(socket, output);
  if (line.verb == "install") return install(socket, line.argument, line.wait ? Wait::yes : Wait::no);
  if (line.verb == "check") return check(socket);
  if (line.verb == "defer") return defer(socket, TRY(parse_duration(line.argument)));
  if (line.verb == "accept") return accept(socket);
  return cancel(socket);
}

// As an exit status.
int trial_status(const std::filesystem::path& config_path) {
  const auto config = load_config(config_path);
  const auto on_trial = config ? is_on_trial(*config) : Result<bool>(fail(config.error()));
  if (on_trial) {
    std::cout << (*on_trial ? "on trial\n" : "committed\n");
    return *on_trial ? 0 : 1;
  }
  std::cerr << on_trial.error().text() << "\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (delta::is_rebuild_worker(argc, argv)) return delta::run_rebuild_worker(argv);
  const auto line = parse_command_line(std::span<const char* const>(argv, static_cast<std::size_t>(argc)).subspan(1));
  if (!line) {
    std::cerr << line.error().text() << "\n";
    return 2;
  }
  if (line->help || line->verb == "help") {
    std::cout << usage(line->verb);
    return 0;
  }
  if (line->verb == "version") {
    std::cout << "aloftd " ALOFT_VERSION "\n";
    return 0;
  }
  if (line->verb == "doctor") {
    SystemClock clock;
    const auto findings = examine(line->config, clock);
    if (line->json) std::cout << findings_json(findings).dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    if (!line->json) print_findings(findings);
    return is_sound(findings) ? 0 : 1;
  }
  if (line->verb == "on-trial") return trial_status(line->config);
  const auto done = run(*line);
  if (done) return 0;
  std::cerr << done.error().text() << "\n";
  return 1;
}
