#include "server/rollout_api.hpp"

#include "fleet/errors.hpp"
#include "fleet/why.hpp"
#include "httpd/elsewhere.hpp"
#include "server/errors.hpp"
#include "server/json_forms.hpp"
#include "server/listing.hpp"

namespace aloft::server {
namespace {

using fleet::RolloutEvent;
using httpd::json_response;
using httpd::Method;
using httpd::Request;
using httpd::Response;

struct Command {
  const char* path;
  RolloutEvent event;
};
constexpr Command kCommands[] = {{"approve", RolloutEvent::approve},     {"deny", RolloutEvent::deny},     {"start", RolloutEvent::start},
                                 {"pause", RolloutEvent::pause},         {"resume", RolloutEvent::resume}, {"raise", RolloutEvent::raise},
                                 {"roll-back", RolloutEvent::roll_back}, {"finish", RolloutEvent::finish}, {"abort", RolloutEvent::abort}};

Json to_json(const fleet::RolloutPreview& preview) {
  Json left_out = Json::array();
  for (const auto& [reason, count] : preview.left_out) left_out.push_back(Json{{"reason", reason}, {"device_count", count}});
  return Json{{"matching", preview.matching},    {"members", preview.members}, {"busy", preview.busy},
              {"left_out", std::move(left_out)}, {"waves", preview.waves},     {"examples", preview.examples}};
}

Json to_json(const fleet::Member& member) {
  Json json{{"device", member.name}, {"state", to_string(member.state)}, {"permille", member.sample * 1000 / fleet::kWholeTarget},
            {"wave", member.wave},   {"attempts", member.attempts},      {"changed_ms", member.changed_ms}};
  if (member.deployment != 0) json["deployment"] = member.deployment;
  if (!member.reason.empty()) json["reason"] = member.reason;
  return json;
}

}  // namespace

void RolloutApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/api/v1/rollouts", [this](Request& r) { return list(r); }});
  router.add({Method::post, "/api/v1/rollouts", [this](Request& r) { return create(r); }, kMaxJsonBytes});
  router.add({Method::post, "/api/v1/rollout-preview", [this](Request& r) { return preview(r); }, kMaxJsonBytes});
  router.add({Method::get, "/api/v1/rollouts/{id}", [this](Request& r) { return get(r); }});
  for (const Command& one : kCommands)
    router.add({Method::post, std::string("/api/v1/rollouts/{id}/") + one.path,
                [this, event = one.event](Request& r) { return command(r, event); }, kMaxJsonBytes});
  router.add({Method::post, "/api/v1/rollouts/{id}/release", [this](Request& r) { return release(r); }, kMaxJsonBytes});
  router.add({Method::get, "/api/v1/rollouts/{id}/devices", [this](Request& r) { return list_devices(r); }});
  router.add({Method::post, "/api/v1/rollouts/{id}/devices/{name}/cancel", [this](Request& r) { return cancel_device(r); }, kMaxJsonBytes});
  router.add({Method::get, "/api/v1/devices/{name}/why", [this](Request& r) { return why(r); }});
}

Json RolloutApi::form_of(const fleet::Rollout& stored) const {
  const fleet::Rollout rollout = rollouts_.live(stored.id).value_or(stored);
  Json json = to_json(rollout.plan);
  json["id"] = rollout.id;
  json["version"] = rollout.version;
  json["state"] = to_string(rollout.state);
  if (!rollout.reason.empty()) json["reason"] = rollout.reason;
  json["wave"] = rollout.wave;
  json["reached_permille"] = rollout.reach * 1000 / fleet::kWholeTarget;
  if (rollout.state == fleet::RolloutState::soaking) json["soak_until_ms"] = rollout.soak_until_ms;
  if (rollout.parent) json["parent"] = *rollout.parent;
  if (stored.successor) json["successor"] = *stored.successor;
  json["created_ms"] = rollout.created_ms;
  json["created_by"] = rollout.created_by.empty() ? "server" : rollout.created_by;
  if (!rollout.approved_by.empty()) json["approved_by"] = rollout.approved_by;
  if (rollout.started_ms != 0) json["started_ms"] = rollout.started_ms;
  json["changed_ms"] = rollout.changed_ms;
  Json counts = Json::object();
  for (std::size_t state = 0; state < rollout.counts.size(); ++state)
    counts[std::string(to_string(static_cast<fleet::MemberState>(state)))] = rollout.counts[state];
  json["counts"] = std::move(counts);
  return json;
}

RolloutApi::Answer RolloutApi::list(Request& request) {
  CO_TRY(access_.check(request));
  const auto active = CO_TRY(query_boolean(request, "active"));
  const std::uint64_t before = CO_TRY(query_number(request, "before", UINT64_MAX)).value_or(UINT64_MAX);
  const std::size_t limit = CO_TRY(query_limit(request)) + 1;
  Result<std::vector<fleet::Rollout>> listed = co_await rollouts_.list(active, before, limit);
  std::vector<fleet::Rollout> found = CO_TRY(std::move(listed));
  const auto form = [this](const fleet::Rollout& rollout) { return form_of(rollout); };
  const auto place = [](const fleet::Rollout& rollout) { return rollout.id; };
  co_return json_response(200, listing("rollouts", std::move(found), limit, "next_before", form, place));
}

Result<fleet::RolloutPlan> RolloutApi::read_plan(const Request& request) {
  Json json = TRY(json_body(request));
  if (!json.is_object()) return fail(kBadParameter, "a rollout is an object");
  // {"group": NAME} is a short form of the filter.
  if (const auto group = json.find("group"); group != json.end()) {
    if (!group->is_string() || json.contains("filter")) return fail(kBadParameter, "a rollout has either \"filter\" or \"group\", as text");
    json["filter"] = "group==" + TRY(store_.group(group->get<std::string>())).name;
    json.erase("group");
  }
  return fleet::rollout_plan_of(json);
}

RolloutApi::Answer RolloutApi::create(Request& request) {
  const std::string user = CO_TRY(access_.check(request)).user;
  fleet::NewRollout wanted{.plan = CO_TRY(read_plan(request)), .created_by = user, .now_ms = access_.now_ms()};
  const Result<fleet::Rollout> made = co_await rollouts_.add(std::move(wanted));
  if (!made) co_return std::unexpected(made.error());
  co_return json_response(201, form_of(*made));
}

RolloutApi::Answer RolloutApi::preview(Request& request) {
  CO_TRY(access_.check(request));
  fleet::RolloutPlan plan = CO_TRY(read_plan(request));
  const Result<fleet::RolloutPreview> found = co_await rollouts_.preview(std::move(plan));
  if (!found) co_return std::unexpected(found.error());
  co_return json_response(200, to_json(*found));
}

RolloutApi::Answer RolloutApi::get(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const Result<fleet::Rollout> rollout = co_await rollouts_.look_up(id);
  if (!rollout) co_return std::unexpected(rollout.error());
  Json json = form_of(*rollout);
  Json errors = Json::array();
  for (const auto& [error, count] : CO_TRY(store_.rollout_errors(id))) errors.push_back(Json{{"error", error}, {"device_count", count}});
  json["errors"] = std::move(errors);
  Json events = Json::array();
  for (const fleet::RolloutEventRow& event : CO_TRY(store_.rollout_events(id)))
    events.push_back(Json{{"id", event.id},
                          {"time_ms", event.time_ms},
                          {"event", event.event},
                          {"by", event.by.empty() ? "server" : event.by},
                          {"detail", event.detail}});
  json["events"] = std::move(events);
  co_return json_response(200, json);
}

Result<std::uint64_t> RolloutApi::read_permille(const Request& request, RolloutEvent event) {
  if (event != RolloutEvent::raise) return 0U;
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "raise"));
  const std::uint64_t permille = TRY(object.number("permille", 1000));
  if (permille == 0) return fail(kBadParameter, "\"permille\" is from 1 to 1000");
  return permille;
}

RolloutApi::Answer RolloutApi::command(Request& request, RolloutEvent event) {
  const std::string user = CO_TRY(access_.check(request)).user;
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const std::uint64_t permille = CO_TRY(read_permille(request, event));
  const Result<fleet::Rollout> done = co_await rollouts_.command(id, event, user, permille);
  if (!done) co_return std::unexpected(done.error());
  co_return json_response(200, form_of(*done));
}

RolloutApi::Answer RolloutApi::release(Request& request) {
  const std::string user = CO_TRY(access_.check(request)).user;
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const Result<fleet::Rollout> released = co_await rollouts_.release(id, user);
  if (!released) co_return std::unexpected(released.error());
  co_return json_response(200, form_of(*released));
}

Result<Json> RolloutApi::device_list(const Request& request) {
  TRY(access_.check(request));
  const std::uint64_t id = TRY(id_parameter(request));
  const std::string after = query_text(request, "after").value_or("");
  const std::size_t limit = TRY(query_limit(request)) + 1;
  std::optional<fleet::MemberState> state;
  if (const auto name = query_text(request, "state")) state = TRY(fleet::member_state_of(*name));
  std::vector<fleet::Member> found = TRY(store_.members(id, state, after, limit));
  const auto form = [](const fleet::Member& member) { return to_json(member); };
  const auto place = [](const fleet::Member& member) { return member.name; };
  return listing("devices", std::move(found), limit, "next_after", form, place);
}

RolloutApi::Answer RolloutApi::list_devices(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const Result<fleet::Rollout> rollout = co_await rollouts_.look_up(id);
  if (!rollout) co_return std::unexpected(rollout.error());
  const Json json = CO_TRY(device_list(request));
  co_return json_response(200, json);
}

RolloutApi::Answer RolloutApi::cancel_device(Request& request) {
  const std::string user = CO_TRY(access_.check(request)).user;
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const std::string name = CO_TRY(name_parameter(request));
  const Result<fleet::Rollout> rollout = co_await rollouts_.look_up(id);
  if (!rollout) co_return std::unexpected(rollout.error());
  const Result<> cancelled = co_await rollouts_.cancel_device(id, name, user);
  if (!cancelled) co_return std::unexpected(cancelled.error());
  co_return Response{.status = 204};
}

Result<Json> RolloutApi::why_json(const std::string& name) {
  fleet::WhyQuestion question;
  question.device = TRY(store_.device(name));
  question.facts = TRY(store_.device_facts(name));
  question.memberships = TRY(store_.memberships(name));
  if (question.device.deployment) question.deployment = TRY(store_.deployment(*question.device.deployment));
  for (fleet::Rollout& rollout : TRY(store_.rollouts(true, UINT64_MAX, 100))) {
    auto release = TRY(store_.release(rollout.plan.release));
    question.underway.push_back({.rollout = rollout, .release = std::move(release)});
  }
  const fleet::WhyAnswer answer = fleet::explain(question);
  Json reasons = Json::array();
  for (const fleet::WhyReason& reason : answer.reasons) {
    Json json{{"code", reason.code}, {"text", reason.text}};
    if (reason.rollout) json["rollout"] = *reason.rollout;
    if (reason.deployment) json["deployment"] = *reason.deployment;
    reasons.push_back(std::move(json));
  }
  return Json{
      {"device", name}, {"version", question.device.version}, {"verdict", to_string(answer.verdict)}, {"reasons", std::move(reasons)}};
}

RolloutApi::Answer RolloutApi::why(Request& request) {
  CO_TRY(access_.check(request));
  const std::string name = CO_TRY(name_parameter(request));
  const Json json = CO_TRY(why_json(name));
  co_return json_response(200, json);
}

}  // namespace aloft::server
