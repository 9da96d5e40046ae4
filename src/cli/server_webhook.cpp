#include <CLI/CLI.hpp>

#include "cli/server_commands.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

constexpr const char* kWebhooksPath = "/api/v1/webhooks";

struct WebhookOptions {
  std::uint64_t id = 0;
  std::string url;
  std::vector<std::string> events;
  std::string note;
  std::size_t limit = 50;
  bool json = false;
};

std::string path_of(const WebhookOptions& options) { return std::string(kWebhooksPath) + "/" + std::to_string(options.id); }

Result<> create(const WebhookOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.post(kWebhooksPath, Json{{"url", options.url}, {"events", options.events}, {"note", options.note}}));
  if (options.json) {
    print_json(json);
    return {};
  }
  JsonObject webhook = TRY(JsonObject::of(json, "webhook"));
  print("Webhook " + std::to_string(TRY(webhook.number("id"))) + "; the secret that signs it, shown this once:\n" +
        TRY(webhook.text("secret")) + "\n");
  return {};
}

Result<std::string> state_text(JsonObject& webhook) {
  if (TRY(webhook.boolean("active"))) {
    const std::uint64_t attempts = TRY(webhook.number("attempts"));
    return attempts == 0 ? std::string("on") : "failing, " + std::to_string(attempts) + " attempts";
  }
  return "off: " + TRY(webhook.optional_text("off_reason")).value_or("by hand");
}

Result<> list(const WebhookOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get(kWebhooksPath));
  if (options.json) {
    print_json(json);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"WEBHOOK", "ADDRESS", "EVENTS", "STATE", "NOTE"}};
  JsonObject answer = TRY(JsonObject::of(json, "answer"));
  for (const Json& element : *TRY(answer.array("webhooks", 1000))) {
    JsonObject webhook = TRY(JsonObject::of(element, "webhook"));
    std::string events;
    for (const Json& event : *TRY(webhook.array("events", 100))) events += (events.empty() ? "" : ", ") + event.get<std::string>();
    rows.push_back(
        {std::to_string(TRY(webhook.number("id"))), TRY(webhook.text("url")), events, TRY(state_text(webhook)), TRY(webhook.text("note"))});
  }
  print_table(rows);
  return {};
}

Result<> deliveries(const WebhookOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const auto all = TRY(session.list(
      {.path = path_of(options) + "/deliveries", .list = "deliveries", .next = "next_before", .parameter = "before"}, options.limit));
  if (options.json) {
    print_json(all);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"TIME (UTC)", "MESSAGE", "ATTEMPT", "ANSWER", "TOOK", "ERROR"}};
  for (const Json& json : all) {
    JsonObject delivery = TRY(JsonObject::of(json, "delivery"));
    const auto status = TRY(delivery.optional_number("status"));
    rows.push_back({readable_time(TRY(delivery.number("time_ms"))), TRY(delivery.text("message")),
                    std::to_string(TRY(delivery.number("attempt"))), status ? std::to_string(*status) : "none",
                    std::to_string(TRY(delivery.number("took_ms"))) + " ms", TRY(delivery.optional_text("error")).value_or("")});
  }
  print_table(rows);
  return {};
}

Result<> set_active(const WebhookOptions& options, bool active) {
  auto session = TRY(ServerSession::open_saved());
  TRY(session.put(path_of(options), Json{{"active", active}}));
  print("Webhook " + std::to_string(options.id) + (active ? " is told what happens from now on.\n" : " is told nothing any more.\n"));
  return {};
}

Result<> remove(const WebhookOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  return session.remove(path_of(options));
}

}  // namespace

void add_webhook_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<WebhookOptions>();
  CLI::App* group = app.add_subcommand("webhook", "Addresses that the server tells what happens")->require_subcommand(1);
  CLI::App* create_command = group->add_subcommand("create", "Make one and print its secret; see docs/webhooks.md");
  create_command->add_option("URL", options->url, "http or https")->required();
  create_command->add_option("--event", options->events, "Of what it is told; may be given again")
      ->required()
      ->check(CLI::IsMember({"rollout", "deployment", "audit"}));
  create_command->add_option("--note", options->note, "What it is for");
  CLI::App* list_command = group->add_subcommand("list", "List them, without their secrets");
  CLI::App* deliveries_command = group->add_subcommand("deliveries", "What was sent to one, newest first");
  CLI::App* on_command = group->add_subcommand("enable", "Switch one on; it begins with what happens from then on");
  CLI::App* off_command = group->add_subcommand("disable", "Switch one off");
  CLI::App* delete_command = group->add_subcommand("delete", "Delete one with its log");
  for (CLI::App* command : {deliveries_command, on_command, off_command, delete_command})
    command->add_option("WEBHOOK", options->id, "Its number")->required();
  deliveries_command->add_option("--limit", options->limit, "At most so many")->capture_default_str();
  for (CLI::App* command : {create_command, list_command, deliveries_command})
    command->add_flag("--json", options->json, "Print what the server says as JSON");
  create_command->callback([&run, options] { run = [options] { return create(*options); }; });
  list_command->callback([&run, options] { run = [options] { return list(*options); }; });
  deliveries_command->callback([&run, options] { run = [options] { return deliveries(*options); }; });
  on_command->callback([&run, options] { run = [options] { return set_active(*options, true); }; });
  off_command->callback([&run, options] { run = [options] { return set_active(*options, false); }; });
  delete_command->callback([&run, options] { run = [options] { return remove(*options); }; });
}

}  // namespace aloft::cli
