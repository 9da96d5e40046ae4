#include "cli/server_delta.hpp"

#include "cli/download_text.hpp"
#include "cli/server_release.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

struct ReleaseDeltaOptions {
  ReleaseChoice release;
  std::string file;
  std::string from;
  std::uint64_t id = 0;
  bool json = false;
};

struct Delta {
  std::uint64_t id = 0;
  std::string from_version;
  std::uint64_t size_bytes = 0;
  std::string problem;
  std::uint64_t created_ms = 0;
  std::string created_by;
};

Result<Delta> parse_delta(const Json& json) {
  auto object = TRY(JsonObject::of(json, "delta"));
  Delta delta;
  delta.id = TRY(object.number("id"));
  delta.from_version = TRY(object.text("from_version"));
  delta.size_bytes = TRY(object.optional_number("size_bytes")).value_or(0);
  delta.problem = TRY(object.optional_text("problem")).value_or("");
  delta.created_ms = TRY(object.number("created_ms"));
  delta.created_by = TRY(object.optional_text("created_by")).value_or("the server");
  return delta;
}

std::string deltas_path(std::uint64_t release) { return "/api/v1/releases/" + std::to_string(release) + "/deltas"; }

Result<> add(const ReleaseDeltaOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const std::uint64_t release = TRY(find_release(session, options.release));
  net::Request request{.method = "POST", .headers = {{"Content-Type", "application/octet-stream"}}, .body_file = options.file};
  request.progress = [&](std::uint64_t done, std::uint64_t total) { show_passing_line(progress_bar(done * 1000 / total)); };
  auto response = session.send(std::move(request), deltas_path(release) + (options.from.empty() ? "" : "?from=" + url_part(options.from)));
  end_passing_line();
  if (!response) return fail(std::move(response).error());
  const Json json = TRY(parse_json(response->body));
  if (options.json) {
    print_json(json);
    return {};
  }
  const Delta delta = TRY(parse_delta(json));
  print("Delta " + std::to_string(delta.id) + ": " + readable_size(delta.size_bytes) + ", offered to devices that run " +
        delta.from_version + ".\n");
  return {};
}

Result<> list(const ReleaseDeltaOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const std::uint64_t release = TRY(find_release(session, options.release));
  const Json json = TRY(session.get(deltas_path(release)));
  if (options.json) {
    print_json(json);
    return {};
  }
  auto object = TRY(JsonObject::of(json, "answer"));
  std::vector<std::vector<std::string>> rows{{"DELTA", "FROM VERSION", "SIZE", "MADE (UTC)", "BY"}};
  for (const Json& element : *TRY(object.array("deltas", 100'000))) {
    const Delta delta = TRY(parse_delta(element));
    rows.push_back({std::to_string(delta.id), delta.from_version,
                    delta.problem.empty() ? readable_size(delta.size_bytes) : "none: " + delta.problem, readable_time(delta.created_ms),
                    delta.created_by});
  }
  print_table(rows);
  if (const Json* making = TRY(object.optional_object("making")); making != nullptr) {
    auto inner = TRY(JsonObject::of(*making, "making"));
    print("The one from " + TRY(inner.text("from_version")) + " is being made.\n");
  }
  const Json& downloads = *TRY(object.array("downloads", 1000));
  if (!downloads.empty()) print("\nDownloads of this release, by method:\n");
  for (const Json& total : downloads) {
    auto inner = TRY(JsonObject::of(total, "downloads"));
    print("  " + device_count_text(TRY(inner.number("deployments"))) + ": " + TRY(download_text(total)) + "\n");
  }
  return {};
}

Result<> remove(const ReleaseDeltaOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  TRY(session.remove("/api/v1/deltas/" + std::to_string(options.id)));
  print("Delta " + std::to_string(options.id) + " is deleted.\n");
  return {};
}

}  // namespace

void add_server_delta_commands(CLI::App& release, Run& run) {
  auto options = std::make_shared<ReleaseDeltaOptions>();
  CLI::App* group = release.add_subcommand("delta", "Deltas that the server offers on the way to a release")->require_subcommand(1);
  CLI::App* add_command = group->add_subcommand("add", "Upload a delta made by `aloft delta create`");
  add_command->add_option("RELEASE", options->release.release, "Number or version of the release that it makes")->required();
  add_command->add_option("FILE", options->file, "The delta")->required()->check(CLI::ExistingFile);
  add_command->add_option("--from", options->from, "Offer it to devices that run this version; else found by what it starts from");
  CLI::App* list_command = group->add_subcommand("list", "List those that lead to a release, and what its downloads cost");
  list_command->add_option("RELEASE", options->release.release, "Number or version of the release")->required();
  CLI::App* remove_command = group->add_subcommand("remove", "Delete one; devices that are fetching it go on with the bundle");
  remove_command->add_option("DELTA", options->id, "Its number")->required();
  for (CLI::App* command : {add_command, list_command}) {
    command->add_option("--product", options->release.product, "Of this product, where several have the version");
    command->add_flag("--json", options->json, "Print the server's answer as JSON");
  }
  add_command->callback([&run, options] { run = [options] { return add(*options); }; });
  list_command->callback([&run, options] { run = [options] { return list(*options); }; });
  remove_command->callback([&run, options] { run = [options] { return remove(*options); }; });
}

}  // namespace aloft::cli
