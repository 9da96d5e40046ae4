#include "server/ddi_api.hpp"

#include <algorithm>

#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"
#include "server/errors.hpp"
#include "server/parameters.hpp"

namespace aloft::server {
namespace {

using httpd::Method;
using httpd::Request;
using httpd::Response;
using protocol::UpdateState;

constexpr std::size_t kMaxHistory = 50;

std::unexpected<Error> no_action(const std::string& device, std::uint64_t id) {
  return fail(fleet::kDeploymentUnknown, "device " + device + " has no action " + std::to_string(id) + " to be carried out now");
}

// hawkBit's words for where an action stands.
std::string word_of(UpdateState state) {
  switch (state) {
    case UpdateState::committed: return "FINISHED";
    case UpdateState::failed:
    case UpdateState::rolled_back: return "ERROR";
    case UpdateState::cancelled: return "CANCELED";
    case UpdateState::downloading: return "DOWNLOAD";
    default: return "RUNNING";
  }
}

// How many messages the query wants; it has no end in hawkBit's -1.
std::size_t history_of(const Request& request) {
  const std::string text = query_text(request, "actionHistory").value_or("0");
  if (text == "-1") return kMaxHistory;
  return std::min<std::size_t>(whole_number(text).value_or(0), kMaxHistory);
}

ddi::Handling handling_of(const protocol::InstallPolicy& policy) { return policy.consent ? ddi::Handling::attempt : ddi::Handling::forced; }

fleet::Closing closing_of(ddi::Closing closing) {
  switch (closing) {
    case ddi::Closing::closed: return fleet::Closing::closed;
    case ddi::Closing::goes_on: return fleet::Closing::goes_on;
    default: return fleet::Closing::open;
  }
}

}  // namespace

Response ddi_done() { return {.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}}}; }

Response ddi_answer(const Request& request, const Json& json) {
  Response response = httpd::json_response(200, json);
  const std::string tag = "\"" + to_hex(crypto::sha256(as_bytes(std::get<std::string>(response.body)))).substr(0, 32) + "\"";
  response.headers.emplace_back("ETag", tag);
  if (request.header("if-none-match").find(tag) == std::string_view::npos) return response;
  return {.status = 304, .headers = {{"ETag", tag}, {"Cache-Control", "no-store"}}};
}

Result<ddi::Software> software_of(fleet::Store& store, const fleet::Deployment& deployment) {
  if (!deployment.release)
    return fail(fleet::kReleaseUnknown, "the release of deployment " + std::to_string(deployment.id) + " has been deleted");
  return software_of(TRY(store.release(*deployment.release)));
}

ddi::Software software_of(const fleet::Release& release) {
  return ddi::Software{.module = release.id,
                       .name = release.product,
                       .version = release.version,
                       .artifact = {.file_name = release.file_name,
                                    .sha1 = release.sha1,
                                    .md5 = release.md5,
                                    .sha256 = to_hex(release.sha256),
                                    .size_bytes = release.size_bytes}};
}

void DdiApi::add_routes(httpd::Router& router) {
  const std::string base = kDdiBase;
  router.add({Method::get, base, [this](Request& r) { return poll(r); }});
  router.add({Method::get, base + "/deploymentBase/{id}", [this](Request& r) { return deployment(r); }});
  router.add({Method::post, base + "/deploymentBase/{id}/feedback", [this](Request& r) { return feedback(r); }, kMaxFeedbackBytes});
  router.add({Method::get, base + "/cancelAction/{id}", [this](Request& r) { return cancellation(r); }});
  router.add(
      {Method::post, base + "/cancelAction/{id}/feedback", [this](Request& r) { return cancellation_feedback(r); }, kMaxFeedbackBytes});
  router.add({Method::get, base + "/installedBase/{id}", [this](Request& r) { return installed(r); }});
}

ddi::Situation DdiApi::situation(const std::string& device) {
  const DdiDevices::Entry* const entry = devices_.find(device);
  const Roster::Entry* const roster = roster_.find(device);
  if (entry == nullptr || roster == nullptr) return {};
  return DdiDevices::situation(*entry, *roster, access_.now_ms());
}

httpd::Awaitable<Result<>> DdiApi::note(const std::string& device, std::uint64_t deployment, UpdateState state, std::string message) {
  fleet::DdiFeedback said{
      .device = device, .deployment = deployment, .state = state, .message = std::move(message), .now_ms = access_.now_ms()};
  co_return co_await reports_.apply(std::move(said));
}

DdiApi::Answer DdiApi::poll(Request& request) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  const std::string base = CO_TRY(access_.base_of(request, *device));
  if (const ddi::Situation now = situation(*device); const char* why = ddi::hold_up_of(now)) {
    std::string reason = why;
    const Result<> noted = co_await note(*device, now.action, UpdateState::deferred, std::move(reason));
    if (!noted) co_return std::unexpected(noted.error());
  }
  const DdiDevices::Entry* const entry = devices_.find(*device);
  if (entry == nullptr) co_return fail(kNotAuthenticated, "device " + *device + " has just been deleted");
  const ddi::PollAnswer answer{.sleep_s = access_.poll_seconds(),
                               .todo = ddi::todo_of(situation(*device)),
                               .installed = entry->installed,
                               .attributes_wanted = !entry->attributes_known};
  co_return ddi_answer(request, ddi::to_json(answer, base));
}

Result<ddi::DeploymentAnswer> DdiApi::describe(const Request& request, const std::string& device, std::uint64_t id) {
  const fleet::Deployment found = TRY(store_.deployment(id));
  if (found.device != device) return no_action(device, id);
  const ddi::Handling handling = handling_of(found.policy);
  ddi::DeploymentAnswer answer{.action = id, .download = handling, .update = handling};
  answer.software = TRY(software_of(store_, found));
  const std::size_t wanted = history_of(request);
  if (wanted == 0) return answer;
  answer.history = ddi::DeploymentAnswer::History{.status = word_of(found.state), .messages = {}};
  const std::vector<fleet::Transition> transitions = TRY(store_.transitions(id, 0, fleet::kMaxFeedbacks + 10));
  for (auto at = transitions.rbegin(); at != transitions.rend() && answer.history->messages.size() < wanted; ++at)
    if (!at->message.empty()) answer.history->messages.push_back(at->message);
  return answer;
}

DdiApi::Answer DdiApi::deployment(Request& request) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const std::string base = CO_TRY(access_.base_of(request, *device));
  const ddi::Situation now = situation(*device);
  if (now.action != id || now.withdrawn == id || ddi::needs_confirmation(now)) co_return no_action(*device, id);
  ddi::DeploymentAnswer answer = CO_TRY(describe(request, *device, id));
  const bool skip = !ddi::has_begun(now.state) && !ddi::may_begin(now);
  if (now.policy.window) answer.window_open = !skip;
  if (skip) answer.update = ddi::Handling::skip;
  devices_.find(*device)->skipped = skip ? id : 0;
  const bool news = now.state == UpdateState::offered || (now.state == UpdateState::deferred && !skip);
  if (news) {
    std::string message = skip ? "the device has fetched it and waits for its maintenance window" : "the device has fetched it";
    const Result<> noted = co_await note(*device, id, skip ? UpdateState::deferred : UpdateState::accepted, std::move(message));
    if (!noted) co_return std::unexpected(noted.error());
  }
  co_return ddi_answer(request, ddi::to_json(answer, base));
}

DdiApi::Answer DdiApi::take_feedback(Request& request, ddi::Channel channel) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const ddi::Feedback said = CO_TRY(ddi::read_feedback(request.body));
  if (channel == ddi::Channel::deployment && ddi::needs_confirmation(situation(*device)) && situation(*device).action == id)
    co_return no_action(*device, id);
  const ddi::Verdict verdict = ddi::judge(said, channel, devices_.find(*device)->skipped == id);
  fleet::DdiFeedback feedback{.device = *device,
                              .deployment = id,
                              .state = verdict.state,
                              .closing = closing_of(verdict.closing),
                              .error = verdict.error,
                              .message = verdict.message,
                              .progress_permille = said.progress_permille,
                              .of_withdrawal = channel == ddi::Channel::cancellation,
                              .now_ms = access_.now_ms()};
  const Result<> applied = co_await reports_.apply(std::move(feedback));
  if (!applied) co_return std::unexpected(applied.error());
  co_return ddi_done();
}

DdiApi::Answer DdiApi::feedback(Request& request) { return take_feedback(request, ddi::Channel::deployment); }
DdiApi::Answer DdiApi::cancellation_feedback(Request& request) { return take_feedback(request, ddi::Channel::cancellation); }

DdiApi::Answer DdiApi::cancellation(Request& request) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  const std::uint64_t id = CO_TRY(id_parameter(request));
  DdiDevices::Entry* const entry = devices_.find(*device);
  if (entry->withdrawn != id) co_return no_action(*device, id);
  ++entry->cancel_answers;
  co_return ddi_answer(request, ddi::cancel_answer(id));
}

DdiApi::Answer DdiApi::installed(Request& request) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const std::string base = CO_TRY(access_.base_of(request, *device));
  const fleet::Deployment found = CO_TRY(store_.deployment(id));
  if (!protocol::is_final(found.state)) co_return no_action(*device, id);
  const ddi::DeploymentAnswer answer = CO_TRY(describe(request, *device, id));
  co_return ddi_answer(request, ddi::to_json(answer, base));
}

}  // namespace aloft::server
