#include <CLI/CLI.hpp>

#include "cli/rollout_plan.hpp"
#include "cli/server_commands.hpp"
#include "cli/server_release.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

struct RolloutOptions {
  std::uint64_t id = 0;
  ReleaseChoice release;
  RolloutPlanOptions plan;
  std::string device;
  std::string state;
  std::string share;
  bool active = false;
  bool json = false;
  std::size_t limit = 100;
};

std::string path_of(const RolloutOptions& options) { return "/api/v1/rollouts/" + std::to_string(options.id); }

std::string share_text(std::uint64_t permille) { return std::to_string(permille / 10) + "." + std::to_string(permille % 10) + " %"; }

Result<std::string> counts_text(JsonObject& rollout) {
  std::string text;
  JsonObject counts = TRY(JsonObject::of(*TRY(rollout.object("counts")), "counts"));
  for (const char* state : {"waiting", "offered", "committed", "failed", "rolled-back", "silent", "cancelled", "skipped"})
    if (const std::uint64_t count = TRY(counts.number(state)); count != 0)
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + state;
  return text.empty() ? "no devices" : text;
}

Result<> print_rollout(const RolloutOptions& options, const Json& json) {
  if (options.json) {
    print_json(json);
    return {};
  }
  JsonObject rollout = TRY(JsonObject::of(json, "rollout"));
  const std::string reason = TRY(rollout.optional_text("reason")).value_or("");
  print_table({{"rollout", std::to_string(TRY(rollout.number("id"))) + ", " + TRY(rollout.text("name"))},
               {"version", TRY(rollout.text("version")) + " (release " + std::to_string(TRY(rollout.number("release"))) + ")"},
               {"target", TRY(rollout.text("filter"))},
               {"state", TRY(rollout.text("state")) + (reason.empty() ? "" : ": " + reason)},
               {"wave", std::to_string(TRY(rollout.number("wave"))) + " of " + std::to_string(TRY(rollout.array("waves", 100))->size()) +
                            ", reached " + share_text(TRY(rollout.number("reached_permille")))},
               {"devices", TRY(counts_text(rollout))},
               {"made", readable_time(TRY(rollout.number("created_ms"))) + " UTC by " + TRY(rollout.text("created_by"))}});
  return {};
}

Result<> preview(const RolloutOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.post("/api/v1/rollout-preview", TRY(plan_json(options.plan, TRY(find_release(session, options.release))))));
  if (options.json) {
    print_json(json);
    return {};
  }
  JsonObject answer = TRY(JsonObject::of(json, "preview"));
  const std::uint64_t matching = TRY(answer.number("matching"));
  print(std::to_string(TRY(answer.number("members"))) + " of " + device_count_text(matching) +
        (matching == 1 ? " that matches" : " that match") + " would get it, " + std::to_string(TRY(answer.number("busy"))) +
        " of them after another deployment\n");
  for (const Json& element : *TRY(answer.array("left_out", 100))) {
    JsonObject left_out = TRY(JsonObject::of(element, "reason"));
    print("  " + std::to_string(TRY(left_out.number("device_count"))) + " would not: " + TRY(left_out.text("reason")) + "\n");
  }
  std::size_t wave = 0;
  for (const Json& count : *TRY(answer.array("waves", 100)))
    print("  wave " + std::to_string(++wave) + ": " + device_count_text(count.is_number_unsigned() ? count.get<std::uint64_t>() : 0) +
          "\n");
  return {};
}

Result<> create(const RolloutOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  return print_rollout(options,
                       TRY(session.post("/api/v1/rollouts", TRY(plan_json(options.plan, TRY(find_release(session, options.release)))))));
}

Result<> list(const RolloutOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const std::string path = options.active ? "/api/v1/rollouts?active=true" : "/api/v1/rollouts";
  const auto all = TRY(session.list({.path = path, .list = "rollouts", .next = "next_before", .parameter = "before"}, options.limit));
  if (options.json) {
    print_json(all);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"ROLLOUT", "NAME", "VERSION", "STATE", "WAVE", "DEVICES"}};
  for (const Json& json : all) {
    JsonObject rollout = TRY(JsonObject::of(json, "rollout"));
    rows.push_back({std::to_string(TRY(rollout.number("id"))), TRY(rollout.text("name")), TRY(rollout.text("version")),
                    TRY(rollout.text("state")), std::to_string(TRY(rollout.number("wave"))), TRY(counts_text(rollout))});
  }
  print_table(rows);
  return {};
}

Result<> show(const RolloutOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get(path_of(options)));
  TRY(print_rollout(options, json));
  if (options.json) return {};
  JsonObject rollout = TRY(JsonObject::of(json, "rollout"));
  for (const Json& element : *TRY(rollout.array("errors", 1000))) {
    JsonObject error = TRY(JsonObject::of(element, "error"));
    print("  " + device_count_text(TRY(error.number("device_count"))) + " ended with E" + std::to_string(TRY(error.number("error"))) +
          "\n");
  }
  print("\n");
  std::vector<std::vector<std::string>> rows{{"TIME (UTC)", "EVENT", "BY", "DETAIL"}};
  for (const Json& element : *TRY(rollout.array("events", 100'000))) {
    JsonObject event = TRY(JsonObject::of(element, "event"));
    rows.push_back(
        {readable_time(TRY(event.number("time_ms"))), TRY(event.text("event")), TRY(event.text("by")), TRY(event.text("detail"))});
  }
  print_table(rows);
  return {};
}

Result<> list_devices(const RolloutOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const std::string query = options.state.empty() ? "" : "?state=" + url_part(options.state);
  const auto all = TRY(session.list(
      {.path = path_of(options) + "/devices" + query, .list = "devices", .next = "next_after", .parameter = "after"}, options.limit));
  if (options.json) {
    print_json(all);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"DEVICE", "STATE", "WAVE", "STANDS AT", "DEPLOYMENT", "REASON"}};
  for (const Json& json : all) {
    JsonObject member = TRY(JsonObject::of(json, "device"));
    const auto deployment = TRY(member.optional_number("deployment"));
    rows.push_back({TRY(member.text("device")), TRY(member.text("state")), std::to_string(TRY(member.number("wave"))),
                    share_text(TRY(member.number("permille"))), deployment ? std::to_string(*deployment) : "-",
                    TRY(member.optional_text("reason")).value_or("")});
  }
  print_table(rows);
  return {};
}

Result<> command(const RolloutOptions& options, const std::string& what) {
  auto session = TRY(ServerSession::open_saved());
  Json body = Json::object();
  if (what == "raise") body["permille"] = TRY(permille_of(options.share));
  return print_rollout(options, TRY(session.post(path_of(options) + "/" + what, body)));
}

Result<> cancel_device(const RolloutOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  return session.order(path_of(options) + "/devices/" + url_part(options.device) + "/cancel", Json::object());
}

Result<> why(const RolloutOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get("/api/v1/devices/" + url_part(options.device) + "/why"));
  if (options.json) {
    print_json(json);
    return {};
  }
  JsonObject answer = TRY(JsonObject::of(json, "answer"));
  print(options.device + " runs " + TRY(answer.text("version")) + "; " + TRY(answer.text("verdict")) + ":\n");
  for (const Json& element : *TRY(answer.array("reasons", 1000))) {
    JsonObject reason = TRY(JsonObject::of(element, "reason"));
    print("  " + TRY(reason.text("text")) + "\n");
  }
  return {};
}

void add_making(CLI::App* group, const std::shared_ptr<RolloutOptions>& options, Run& run) {
  CLI::App* preview_command = group->add_subcommand("preview", "Say who would get it, who would not and why; changes nothing");
  CLI::App* create_command = group->add_subcommand("create", "Make a rollout; it begins with `aloft rollout start`, or at --start-at");
  for (CLI::App* command : {preview_command, create_command}) {
    command->add_option("--release", options->release.release, "Its number or its version")->required();
    command->add_option("--product", options->release.product, "With a version that several products have");
    add_plan_options(*command, options->plan);
    command->add_flag("--json", options->json, "Print the server's answer as JSON");
  }
  preview_command->callback([&run, options] { run = [options] { return preview(*options); }; });
  create_command->callback([&run, options] { run = [options] { return create(*options); }; });
}

void add_looking(CLI::App* group, const std::shared_ptr<RolloutOptions>& options, Run& run) {
  CLI::App* list_command = group->add_subcommand("list", "List rollouts, newest first");
  list_command->add_flag("--active", options->active, "Only those that have not ended");
  CLI::App* show_command = group->add_subcommand("show", "Show one with what has happened");
  CLI::App* devices_command = group->add_subcommand("devices", "List its devices");
  devices_command->add_option("--state", options->state, "waiting, offered, committed, failed, rolled-back, silent, cancelled or skipped");
  for (CLI::App* command : {show_command, devices_command}) command->add_option("ROLLOUT", options->id, "Its number")->required();
  for (CLI::App* command : {list_command, devices_command})
    command->add_option("--limit", options->limit, "At most so many")->capture_default_str();
  for (CLI::App* command : {list_command, show_command, devices_command})
    command->add_flag("--json", options->json, "Print what the server says as JSON");
  list_command->callback([&run, options] { run = [options] { return list(*options); }; });
  show_command->callback([&run, options] { run = [options] { return show(*options); }; });
  devices_command->callback([&run, options] { run = [options] { return list_devices(*options); }; });
}

void add_steering(CLI::App* group, const std::shared_ptr<RolloutOptions>& options, Run& run) {
  const std::pair<const char*, const char*> commands[] = {{"approve", "Let one that needs approval go on; not by who made it"},
                                                          {"deny", "Refuse one that needs approval"},
                                                          {"start", "Begin the first wave"},
                                                          {"pause", "Offer it to no more devices; what is under way goes on"},
                                                          {"resume", "Go on; gates count only what happens from now on"},
                                                          {"raise", "Open more of the target at once"},
                                                          {"release", "Have it installed, where it was to be downloaded only"},
                                                          {"roll-back", "Withdraw it, and bring the release before to those that have it"},
                                                          {"finish", "End one that is open or paused; no more devices join"},
                                                          {"abort", "Withdraw it from all devices that have not ended"}};
  for (const auto& [name, help] : commands) {
    CLI::App* one = group->add_subcommand(name, help);
    one->add_option("ROLLOUT", options->id, "Its number")->required();
    if (std::string_view(name) == "raise") one->add_option("SHARE", options->share, "Of the target, as 25%")->required();
    one->add_flag("--json", options->json, "Print the server's answer as JSON");
    one->callback([&run, options, what = std::string(name)] { run = [options, what] { return command(*options, what); }; });
  }
  CLI::App* cancel_command = group->add_subcommand("cancel", "Take one device out");
  cancel_command->add_option("ROLLOUT", options->id, "Its number")->required();
  cancel_command->add_option("DEVICE", options->device, "Its name")->required();
  cancel_command->callback([&run, options] { run = [options] { return cancel_device(*options); }; });
}

}  // namespace

void add_rollout_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<RolloutOptions>();
  CLI::App* group = app.add_subcommand("rollout", "Bring a release to many devices, in waves")->require_subcommand(1);
  add_making(group, options, run);
  add_looking(group, options, run);
  add_steering(group, options, run);
  CLI::App* why_command = app.add_subcommand("why", "Why a device gets an update, or does not");
  why_command->add_option("DEVICE", options->device, "Its name")->required();
  why_command->add_flag("--json", options->json, "Print the server's answer as JSON");
  why_command->callback([&run, options] { run = [options] { return why(*options); }; });
}

}  // namespace aloft::cli
