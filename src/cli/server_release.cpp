#include "cli/server_release.hpp"

#include <CLI/CLI.hpp>
#include <charconv>

#include "cli/server_commands.hpp"
#include "cli/server_delta.hpp"
#include "cli/server_errors.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

constexpr std::chrono::minutes kUploadPatience{10};  // the server checks the whole bundle before it answers

struct ReleaseOptions {
  std::string file;
  std::string product;
  std::vector<std::string> hardware;
  std::string version;
  std::uint64_t id = 0;
  bool off = false;
  std::size_t limit = 100;
  bool json = false;
};

struct Release {
  std::uint64_t id = 0;
  std::string product;
  std::vector<std::string> hardware;
  std::string version;
  std::uint64_t security_version = 0;
  std::string description;
  std::uint64_t size_bytes = 0;
  std::string sha256;
  std::vector<std::string> signers;
  bool verified = false;
  bool must_pass = false;
  std::uint64_t created_ms = 0;
  std::string created_by;
};

Result<std::vector<std::string>> texts(JsonObject& object, const char* key) {
  std::vector<std::string> all;
  for (const Json& element : *TRY(object.array(key, 1000)))
    if (element.is_string()) all.push_back(element.get<std::string>());
  return all;
}

Result<Release> parse_release(const Json& json) {
  JsonObject object = TRY(JsonObject::of(json, "release"));
  Release release;
  release.id = TRY(object.number("id"));
  release.product = TRY(object.text("product"));
  release.hardware = TRY(texts(object, "hardware"));
  release.version = TRY(object.text("version"));
  release.security_version = TRY(object.number("security_version"));
  release.description = TRY(object.text("description", 64U << 10));
  release.size_bytes = TRY(object.number("size_bytes"));
  release.sha256 = TRY(object.text("sha256"));
  release.signers = TRY(texts(object, "signers"));
  release.verified = TRY(object.boolean("verified"));
  release.must_pass = TRY(object.optional_boolean("must_pass_through")).value_or(false);
  release.created_ms = TRY(object.number("created_ms"));
  release.created_by = TRY(object.text("created_by"));
  return release;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

std::string speed(std::uint64_t bytes, std::chrono::steady_clock::duration time) {
  const auto ms = std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count(), 1);
  return readable_size(bytes * 1000 / static_cast<std::uint64_t>(ms)) + "/s";
}

// What is said of a file of another project.
std::string query_of(const ReleaseOptions& options) {
  std::string hardware;
  for (const std::string& one : options.hardware) hardware += (hardware.empty() ? "" : ",") + one;
  std::string query;
  for (const auto& [key, value] :
       {std::pair("product", options.product), std::pair("hardware", hardware), std::pair("version", options.version)})
    if (!value.empty()) query += (query.empty() ? "?" : "&") + std::string(key) + "=" + url_part(value);
  return query;
}

Result<> upload(const ReleaseOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const auto began = std::chrono::steady_clock::now();
  net::Request request{.method = "POST",
                       .headers = {{"Content-Type", "application/octet-stream"}, {"Expect", "100-continue"}},
                       .body_file = options.file,
                       .timeouts = {.stall = kUploadPatience}};
  request.progress = [&](std::uint64_t done, std::uint64_t total) {
    show_passing_line(done == total ? "The server is checking the bundle ..."
                                    : progress_bar(done * 1000 / total) + "  " + speed(done, std::chrono::steady_clock::now() - began));
  };
  auto response = session.send(std::move(request), "/api/v1/releases" + query_of(options));
  end_passing_line();
  if (!response) return fail(std::move(response).error());
  const Json json = TRY(parse_json(response->body));
  if (options.json) {
    print_json(json);
    return {};
  }
  const Release release = TRY(parse_release(json));
  print("Release " + std::to_string(release.id) + ": " + release.product + " " + release.version + ", " +
        readable_size(release.size_bytes) + (response->status == 200 ? "; it was there already" : "") +
        (release.verified ? "" : "; the server did not check who signed it") + ".\n");
  return {};
}

Result<> list(const ReleaseOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const std::string query = options.product.empty() ? "" : "?product=" + url_part(options.product);
  const auto all = TRY(
      session.list({.path = "/api/v1/releases" + query, .list = "releases", .next = "next_before", .parameter = "before"}, options.limit));
  if (options.json) {
    print_json(all);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"RELEASE", "PRODUCT", "VERSION", "HARDWARE", "SIZE", "UPLOADED (UTC)", "BY"}};
  for (const Json& json : all) {
    const Release release = TRY(parse_release(json));
    rows.push_back({std::to_string(release.id), release.product, release.version, joined(release.hardware),
                    readable_size(release.size_bytes), readable_time(release.created_ms), release.created_by});
  }
  print_table(rows);
  return {};
}

// Of a file of another project: what is inside.
Result<> show_contents(const Json& json) {
  JsonObject release = TRY(JsonObject::of(json, "release"));
  const Json* const found = TRY(release.optional_object("contents"));
  if (found == nullptr) return {};
  JsonObject contents = TRY(JsonObject::of(*found, "contents"));
  std::vector<std::vector<std::string>> rows{{"INSIDE", "SIZE", "TYPE", "FOR", "SHA256"}};
  for (const Json& element : *TRY(contents.array("images", 10'000))) {
    JsonObject image = TRY(JsonObject::of(element, "image"));
    rows.push_back({TRY(image.text("name")), readable_size(TRY(image.number("size_bytes"))), TRY(image.optional_text("type")).value_or(""),
                    TRY(image.optional_text("target")).value_or(""), TRY(image.optional_text("sha256")).value_or("")});
  }
  print("\n");
  print_table(rows);
  if (const auto note = TRY(contents.optional_text("note"))) print(*note + "\n");
  return {};
}

Result<> show(const ReleaseOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get("/api/v1/releases/" + std::to_string(options.id)));
  if (options.json) {
    print_json(json);
    return {};
  }
  const Release release = TRY(parse_release(json));
  print_table({{"release", std::to_string(release.id)},
               {"product", release.product},
               {"version", release.version},
               {"hardware", joined(release.hardware)},
               {"security version", std::to_string(release.security_version)},
               {"description", release.description},
               {"size", readable_size(release.size_bytes) + " (" + std::to_string(release.size_bytes) + " bytes)"},
               {"sha256", release.sha256},
               {"signed by", joined(release.signers) + (release.verified ? "" : "  (not checked by the server)")},
               {"must pass", release.must_pass ? "devices below it get it first on their way to a release above" : "no"},
               {"uploaded", readable_time(release.created_ms) + " UTC by " + release.created_by}});
  return show_contents(json);
}

Result<> set_must_pass(const ReleaseOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.put("/api/v1/releases/" + std::to_string(options.id), Json{{"must_pass_through", !options.off}}));
  const Release release = TRY(parse_release(json));
  print(release.product + " " + release.version +
        (release.must_pass ? " has to be passed through: rollouts bring it first to devices below it.\n" : " may be passed over.\n"));
  return {};
}

}  // namespace

Result<std::uint64_t> find_release(ServerSession& session, const ReleaseChoice& choice) {
  const bool is_number = !choice.release.empty() && choice.release.find_first_not_of("0123456789") == std::string::npos;
  if (is_number) {
    std::uint64_t id = 0;
    const auto [end, problem] = std::from_chars(choice.release.data(), choice.release.data() + choice.release.size(), id);
    if (problem != std::errc{} || id == 0) return fail(kNoSuchRelease, "there is no release " + choice.release);
    return id;
  }
  const std::string& version = choice.release.empty() ? choice.version : choice.release;
  std::string query = "?version=" + url_part(version);
  if (!choice.product.empty()) query += "&product=" + url_part(choice.product);
  const auto found =
      TRY(session.list({.path = "/api/v1/releases" + query, .list = "releases", .next = "next_before", .parameter = "before"}, 100));
  if (found.empty()) return fail(kNoSuchRelease, "no release has version " + version + "; see `aloft release list`");
  if (found.size() > 1) {
    std::string ids;
    for (const Json& json : found) {
      const Release release = TRY(parse_release(json));
      ids += (ids.empty() ? " " : ", ") + std::to_string(release.id) + " (" + release.product + ")";
    }
    return fail(kNoSuchRelease, "several releases have version " + version + ":" + ids + "; add --product, or give the number");
  }
  return TRY(parse_release(found.front())).id;
}

void add_release_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<ReleaseOptions>();
  CLI::App* group = app.add_subcommand("release", "Bundles on the server")->require_subcommand(1);
  CLI::App* upload_command = group->add_subcommand("upload", "Upload a bundle, or an update file of SWUpdate or RAUC");
  upload_command->add_option("FILE", options->file, "The .aloft, .swu or .raucb file")->required()->check(CLI::ExistingFile);
  upload_command->add_option("--product", options->product, "Of a .swu or .raucb file: which product it is for, if it does not say so");
  upload_command->add_option("--hardware", options->hardware, "Of a .swu or .raucb file: a revision it is for; may be given several times");
  upload_command->add_option("--version", options->version, "Of a .swu or .raucb file: its version, if it does not say so");
  CLI::App* list_command = group->add_subcommand("list", "List releases, newest first");
  list_command->add_option("--product", options->product, "Only those of this product");
  list_command->add_option("--limit", options->limit, "At most so many")->capture_default_str();
  CLI::App* show_command = group->add_subcommand("show", "Show one release");
  show_command->add_option("RELEASE", options->id, "Its number")->required();
  for (CLI::App* command : {upload_command, list_command, show_command})
    command->add_flag("--json", options->json, "Print the server's answer as JSON");
  add_server_delta_commands(*group, run);
  CLI::App* pass_command =
      group->add_subcommand("must-pass", "Have rollouts bring it first to devices below it, on their way to one above");
  pass_command->add_option("RELEASE", options->id, "Its number")->required();
  pass_command->add_flag("--off", options->off, "Let it be passed over again");
  pass_command->callback([&run, options] { run = [options] { return set_must_pass(*options); }; });
  upload_command->callback([&run, options] { run = [options] { return upload(*options); }; });
  list_command->callback([&run, options] { run = [options] { return list(*options); }; });
  show_command->callback([&run, options] { run = [options] { return show(*options); }; });
}

}  // namespace aloft::cli
