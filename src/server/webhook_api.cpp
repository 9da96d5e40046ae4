#include "server/webhook_api.hpp"

#include <algorithm>

#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"
#include "net/web_address.hpp"
#include "server/credentials.hpp"
#include "server/errors.hpp"
#include "server/listing.hpp"

namespace aloft::server {
namespace {

using fleet::Webhook;
using httpd::delivered;
using httpd::json_response;
using httpd::Method;
using httpd::Request;
using httpd::Response;
using Topics = std::array<bool, fleet::kWebhookTopics>;

Json form_of(const Webhook& webhook) {
  Json events = Json::array();
  for (std::size_t topic = 0; topic < webhook.topics.size(); ++topic)
    if (webhook.topics[topic]) events.push_back(to_string(static_cast<fleet::WebhookTopic>(topic)));
  Json json{
      {"id", webhook.id},         {"url", webhook.url},           {"events", std::move(events)},      {"note", webhook.note},
      {"active", webhook.active}, {"attempts", webhook.attempts}, {"created_ms", webhook.created_ms}, {"created_by", webhook.created_by}};
  if (webhook.next_ms != 0) json["next_ms"] = webhook.next_ms;
  if (webhook.failing_since_ms != 0) json["failing_since_ms"] = webhook.failing_since_ms;
  if (!webhook.off_reason.empty()) json["off_reason"] = webhook.off_reason;
  return json;
}

Json form_of(const fleet::WebhookDelivery& delivery) {
  Json json{{"id", delivery.id},
            {"message", delivery.message},
            {"attempt", delivery.attempt},
            {"time_ms", delivery.time_ms},
            {"took_ms", delivery.outcome.took_ms}};
  if (delivery.outcome.status) json["status"] = *delivery.outcome.status;
  if (!delivery.outcome.error.empty()) json["error"] = delivery.outcome.error;
  return json;
}

Result<Topics> topics_of(const Json& events) {
  Topics topics{};
  for (const Json& event : events) {
    if (!event.is_string()) return fail(kBadParameter, "\"events\" must be texts");
    topics[static_cast<std::size_t>(TRY(fleet::webhook_topic_of(event.get_ref<const std::string&>())))] = true;
  }
  if (topics == Topics{}) return fail(fleet::kBadWebhook, "a webhook needs at least one of rollout, deployment and audit in \"events\"");
  return topics;
}

}  // namespace

Result<> check_webhook_url(const std::string& url) {
  const auto bad = [](const std::string& why) { return fail(fleet::kBadWebhook, "the webhook's address " + why); };
  const std::size_t scheme = url.starts_with("https://") ? 8 : (url.starts_with("http://") ? 7 : 0);
  if (scheme == 0) return bad("must begin with https:// or http://");
  const auto is_plain = [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '\\' && c != '#'; };
  if (url.size() > fleet::kMaxWebhookUrlBytes || !std::ranges::all_of(url, is_plain))
    return bad("has at most 2048 characters, without spaces, line breaks or \"#\"");
  const std::string host = url.substr(scheme, url.find_first_of("/?", scheme) - scheme);
  if (host.empty() || host.starts_with(':')) return bad("names no host");
  if (host.find('@') != std::string::npos) return bad("must hold no user and password; who sends is proven by the signature");
  if (host.contains('%')) return bad("must have its host as it is, without a percent sign");
  if (net::origin_of(url).empty()) return bad("cannot be called: its host or port is none");
  return {};
}

void WebhookApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/api/v1/webhooks", [this](Request& r) { return list(r); }});
  router.add({Method::post, "/api/v1/webhooks", [this](Request& r) { return create(r); }, kMaxJsonBytes});
  router.add({Method::put, "/api/v1/webhooks/{id}", [this](Request& r) { return change(r); }, kMaxJsonBytes});
  router.add({Method::del, "/api/v1/webhooks/{id}", [this](Request& r) { return remove(r); }});
  router.add({Method::get, "/api/v1/webhooks/{id}/deliveries", [this](Request& r) { return list_deliveries(r); }});
}

WebhookApi::Answer WebhookApi::list(Request& request) {
  CO_TRY(access_.check(request));
  Json webhooks = Json::array();
  for (const Webhook& webhook : CO_TRY(store_.webhooks())) webhooks.push_back(form_of(webhook));
  co_return json_response(200, Json{{"webhooks", std::move(webhooks)}});
}

Result<Webhook> WebhookApi::read_new(const Request& request) {
  Webhook webhook{.created_ms = access_.now_ms(), .created_by = TRY(access_.check(request)).user};
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "webhook"));
  webhook.url = TRY(object.text("url"));
  TRY(check_webhook_url(webhook.url));
  webhook.topics = TRY(topics_of(*TRY(object.array("events", 8))));
  webhook.note = TRY(object.optional_text("note", 128)).value_or("");
  return webhook;
}

WebhookApi::Answer WebhookApi::create(Request& request) {
  Webhook webhook = CO_TRY(read_new(request));
  webhook.secret = new_secret(random_);
  auto start = [this, &webhook](auto done) { store_.add_webhook(webhook, done); };
  const Result<Webhook> added = co_await delivered<Result<Webhook>>(start);
  if (!added) co_return std::unexpected(added.error());
  webhooks_.changed(added->id);
  Json json = form_of(*added);
  json["secret"] = webhook.secret;
  co_return json_response(201, json);
}

Result<fleet::WebhookChange> WebhookApi::read_change(const Request& request) {
  TRY(access_.check(request));
  fleet::WebhookChange change{.id = TRY(id_parameter(request)), .active = {}, .topics = {}, .note = {}};
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "webhook"));
  change.active = TRY(object.optional_boolean("active"));
  if (const Json* events = TRY(object.optional_array("events", 8)); events != nullptr) change.topics = TRY(topics_of(*events));
  change.note = TRY(object.optional_text("note", 128));
  return change;
}

WebhookApi::Answer WebhookApi::change(Request& request) {
  const fleet::WebhookChange change = CO_TRY(read_change(request));
  auto start = [this, &change](auto done) { store_.change_webhook(change, done); };
  const Result<Webhook> changed = co_await delivered<Result<Webhook>>(start);
  if (!changed) co_return std::unexpected(changed.error());
  webhooks_.changed(changed->id);
  co_return json_response(200, form_of(*changed));
}

WebhookApi::Answer WebhookApi::remove(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  auto start = [this, id](auto done) { store_.delete_webhook(id, done); };
  const Result<> deleted = co_await delivered<Result<>>(start);
  if (!deleted) co_return std::unexpected(deleted.error());
  webhooks_.changed(id);
  co_return Response{.status = 204};
}

WebhookApi::Answer WebhookApi::list_deliveries(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const std::uint64_t before = CO_TRY(query_number(request, "before", UINT64_MAX)).value_or(UINT64_MAX);
  const std::size_t limit = CO_TRY(query_limit(request)) + 1;
  std::vector<fleet::WebhookDelivery> found = CO_TRY(store_.deliveries(id, before, limit));
  const auto form = [](const fleet::WebhookDelivery& delivery) { return form_of(delivery); };
  const auto place = [](const fleet::WebhookDelivery& delivery) { return delivery.id; };
  co_return json_response(200, listing("deliveries", std::move(found), limit, "next_before", form, place));
}

}  // namespace aloft::server
