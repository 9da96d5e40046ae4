// Groups, tags, filters.
#include <CLI/CLI.hpp>
#include <optional>

#include "cli/server_commands.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

struct GroupOptions {
  std::string name;
  std::string filter;
  std::optional<std::string> description;
  std::vector<std::string> devices;
  bool json = false;
};

std::string group_path(const std::string& name) { return "/api/v1/groups/" + url_part(name); }

Result<> print_group(const GroupOptions& options, const Json& json) {
  if (options.json) {
    print_json(json);
    return {};
  }
  JsonObject group = TRY(JsonObject::of(json, "group"));
  print_table({{"group", TRY(group.text("name"))},
               {"devices", std::to_string(TRY(group.number("device_count")))},
               {"chosen", TRY(group.optional_text("filter")).value_or("by hand")},
               {"description", TRY(group.text("description"))},
               {"made", readable_time(TRY(group.number("created_ms"))) + " UTC by " + TRY(group.text("created_by"))}});
  return {};
}

Result<> list_groups(const GroupOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get("/api/v1/groups"));
  if (options.json) {
    print_json(json);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"GROUP", "DEVICES", "CHOSEN", "DESCRIPTION"}};
  JsonObject answer = TRY(JsonObject::of(json, "answer"));
  for (const Json& element : *TRY(answer.array("groups", 100'000))) {
    JsonObject group = TRY(JsonObject::of(element, "group"));
    rows.push_back({TRY(group.text("name")), std::to_string(TRY(group.number("device_count"))),
                    TRY(group.optional_text("filter")).value_or("by hand"), TRY(group.text("description"))});
  }
  print_table(rows);
  return {};
}

Result<> show_group(const GroupOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  return print_group(options, TRY(session.get(group_path(options.name))));
}

Result<> create_group(const GroupOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  Json body{{"name", options.name}, {"description", options.description.value_or("")}};
  if (!options.filter.empty()) body["filter"] = options.filter;
  return print_group(options, TRY(session.post("/api/v1/groups", body)));
}

Result<> change_group(const GroupOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get(group_path(options.name)));
  JsonObject group = TRY(JsonObject::of(json, "group"));
  // What is put is the whole: what is not given stays as it is.
  Json body{{"description", TRY(group.text("description"))}};
  if (options.description) body["description"] = *options.description;
  if (const auto filter = TRY(group.optional_text("filter"))) body["filter"] = *filter;
  if (!options.filter.empty()) body["filter"] = options.filter;
  return print_group(options, TRY(session.put(group_path(options.name), body)));
}

Result<> delete_group(const GroupOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  return session.remove(group_path(options.name));
}

// "add" or "remove".
Result<> move_devices(const GroupOptions& options, const char* direction) {
  auto session = TRY(ServerSession::open_saved());
  return print_group(options, TRY(session.post(group_path(options.name) + "/devices", {{direction, options.devices}})));
}

Result<> list_tags(const GroupOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get("/api/v1/tags"));
  if (options.json) {
    print_json(json);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"TAG", "DEVICES"}};
  JsonObject answer = TRY(JsonObject::of(json, "answer"));
  for (const Json& element : *TRY(answer.array("tags", 1'000'000))) {
    JsonObject tag = TRY(JsonObject::of(element, "tag"));
    rows.push_back({TRY(tag.text("tag")), std::to_string(TRY(tag.number("device_count")))});
  }
  print_table(rows);
  return {};
}

Result<> move_tag(const GroupOptions& options, const char* direction) {
  auto session = TRY(ServerSession::open_saved());
  return session.order("/api/v1/tags/" + url_part(options.name) + "/devices", {{direction, options.devices}});
}

Result<> check_filter(const GroupOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.post("/api/v1/filter-check", {{"filter", options.filter}}));
  if (options.json) {
    print_json(json);
    return {};
  }
  JsonObject answer = TRY(JsonObject::of(json, "answer"));
  const std::uint64_t matching = TRY(answer.number("device_count"));
  print(device_count_text(matching) + (matching == 1 ? " matches\n" : " match\n"));
  if (!TRY(answer.boolean("steady"))) print("It asks for what changes with time alone: groups and rollouts cannot use it.\n");
  return {};
}

void add_json_flag(CLI::App* command, const std::shared_ptr<GroupOptions>& options) {
  command->add_flag("--json", options->json, "Print the server's answer as JSON");
}

void add_tag_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<GroupOptions>();
  CLI::App* tags = app.add_subcommand("tag", "Words that people give to devices")->require_subcommand(1);
  CLI::App* list = tags->add_subcommand("list", "List tags and how many devices have them");
  add_json_flag(list, options);
  CLI::App* add = tags->add_subcommand("add", "Give a tag to devices");
  CLI::App* remove = tags->add_subcommand("remove", "Take a tag from devices");
  for (CLI::App* command : {add, remove}) {
    command->add_option("TAG", options->name, "The tag")->required();
    command->add_option("DEVICE", options->devices, "Devices' names")->required();
  }
  list->callback([&run, options] { run = [options] { return list_tags(*options); }; });
  add->callback([&run, options] { run = [options] { return move_tag(*options, "add"); }; });
  remove->callback([&run, options] { run = [options] { return move_tag(*options, "remove"); }; });
}

void add_filter_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<GroupOptions>();
  CLI::App* filters = app.add_subcommand("filter", "Filters in RSQL, see docs/filters.md")->require_subcommand(1);
  CLI::App* check = filters->add_subcommand("check", "Whether a filter is understood, and how many devices match it now");
  check->add_option("FILTER", options->filter, "As in: 'product==gateway;tag==beta'")->required();
  add_json_flag(check, options);
  check->callback([&run, options] { run = [options] { return check_filter(*options); }; });
}

}  // namespace

void add_group_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<GroupOptions>();
  CLI::App* groups = app.add_subcommand("group", "Groups of devices, by hand or by filter")->require_subcommand(1);
  CLI::App* list = groups->add_subcommand("list", "List groups");
  CLI::App* show = groups->add_subcommand("show", "Show one; its devices: `aloft device list -q group==NAME`");
  CLI::App* create = groups->add_subcommand("create", "Make a group");
  CLI::App* change = groups->add_subcommand("change", "Set description, filter or both; the other stays as it is");
  CLI::App* remove = groups->add_subcommand("delete", "Delete a group; its devices stay");
  CLI::App* add_devices = groups->add_subcommand("add", "Put devices into a group by hand");
  CLI::App* remove_devices = groups->add_subcommand("remove", "Take devices out of a group by hand");
  for (CLI::App* command : {show, create, change, remove, add_devices, remove_devices})
    command->add_option("GROUP", options->name, "Its name")->required();
  for (CLI::App* command : {create, change}) {
    command->add_option("--filter", options->filter, "Its devices are those that match; without it they are chosen by hand");
    command->add_option("--description", options->description, "For people");
  }
  for (CLI::App* command : {add_devices, remove_devices}) command->add_option("DEVICE", options->devices, "Devices' names")->required();
  for (CLI::App* command : {list, show, create, change, add_devices, remove_devices}) add_json_flag(command, options);
  list->callback([&run, options] { run = [options] { return list_groups(*options); }; });
  show->callback([&run, options] { run = [options] { return show_group(*options); }; });
  create->callback([&run, options] { run = [options] { return create_group(*options); }; });
  change->callback([&run, options] { run = [options] { return change_group(*options); }; });
  remove->callback([&run, options] { run = [options] { return delete_group(*options); }; });
  add_devices->callback([&run, options] { run = [options] { return move_devices(*options, "add"); }; });
  remove_devices->callback([&run, options] { run = [options] { return move_devices(*options, "remove"); }; });
  add_tag_commands(app, run);
  add_filter_commands(app, run);
}

}  // namespace aloft::cli
