#include "server/ddi_confirm_api.hpp"

#include "ddi/errors.hpp"
#include "ddi/feedback.hpp"
#include "ddi/lenient_json.hpp"
#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"
#include "server/ddi_api.hpp"
#include "server/parameters.hpp"

namespace aloft::server {
namespace {

using httpd::Method;
using httpd::Request;
using httpd::Response;
using protocol::UpdateState;

Result<ddi::AutoConfirm> read_auto_confirm(const Request& request, std::uint64_t now_ms) {
  ddi::AutoConfirm automatic{.initiator = {}, .remark = {}, .since_ms = now_ms};
  if (request.body.find_first_not_of(" \t\r\n") == std::string::npos) return automatic;
  const Json json = TRY(ddi::parse_leniently(request.body));
  JsonObject object = TRY(JsonObject::of(json, "auto-confirm"));
  automatic.initiator = TRY(object.optional_text("initiator", 128)).value_or("");
  automatic.remark = TRY(object.optional_text("remark", 512)).value_or("");
  return automatic;
}

}  // namespace

void DdiConfirmApi::add_routes(httpd::Router& router) {
  const std::string base = std::string(kDdiBase) + "/confirmationBase";
  router.add({Method::get, base, [this](Request& r) { return show(r); }});
  router.add({Method::get, base + "/{id}", [this](Request& r) { return ask(r); }});
  router.add({Method::post, base + "/{id}/feedback", [this](Request& r) { return feedback(r); }, kMaxJsonBytes});
  router.add({Method::post, base + "/activateAutoConfirm", [this](Request& r) { return set_automatic(r, true); }, kMaxJsonBytes});
  router.add({Method::post, base + "/deactivateAutoConfirm", [this](Request& r) { return set_automatic(r, false); }, kMaxJsonBytes});
}

std::optional<std::uint64_t> DdiConfirmApi::waiting(const std::string& device) {
  const DdiDevices::Entry* const entry = devices_.find(device);
  const Roster::Entry* const roster = roster_.find(device);
  if (entry == nullptr || roster == nullptr) return std::nullopt;
  const ddi::Situation now = DdiDevices::situation(*entry, *roster, access_.now_ms());
  if (!ddi::needs_confirmation(now)) return std::nullopt;
  return now.action;
}

DdiConfirmApi::Answer DdiConfirmApi::show(Request& request) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  const std::string base = CO_TRY(access_.base_of(request, *device));
  co_return ddi_answer(request, ddi::to_json(devices_.find(*device)->auto_confirm, waiting(*device), base));
}

DdiConfirmApi::Answer DdiConfirmApi::ask(Request& request) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const std::string base = CO_TRY(access_.base_of(request, *device));
  if (waiting(*device) != id)
    co_return fail(fleet::kDeploymentUnknown, "device " + *device + " has no action " + std::to_string(id) + " that waits for consent");
  const fleet::Deployment found = CO_TRY(store_.deployment(id));
  ddi::DeploymentAnswer answer{.action = id, .download = ddi::Handling::attempt, .update = ddi::Handling::attempt, .confirming = true};
  answer.software = CO_TRY(software_of(store_, found));
  co_return ddi_answer(request, ddi::to_json(answer, base));
}

DdiConfirmApi::Answer DdiConfirmApi::feedback(Request& request) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const ddi::Confirmation said = CO_TRY(ddi::read_confirmation(request.body));
  const fleet::Deployment found = CO_TRY(store_.deployment(id));
  if (found.device == *device && protocol::is_final(found.state))
    co_return fail(ddi::kActionClosed, "action " + std::to_string(id) + " is finished");
  if (waiting(*device) != id)
    co_return fail(fleet::kDeploymentUnknown, "device " + *device + " has no action " + std::to_string(id) + " that waits for consent");
  fleet::DdiFeedback feedback{
      .device = *device,
      .deployment = id,
      .state = said.confirmed ? UpdateState::accepted : UpdateState::deferred,
      .message = (said.confirmed ? "confirmed at the device" : "denied at the device") + (said.message.empty() ? "" : ": " + said.message),
      .now_ms = access_.now_ms()};
  const Result<> applied = co_await reports_.apply(std::move(feedback));
  if (!applied) co_return std::unexpected(applied.error());
  co_return ddi_done();
}

DdiConfirmApi::Answer DdiConfirmApi::set_automatic(Request& request, bool on) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  if (devices_.find(*device)->auto_confirm.has_value() == on)
    co_return fail(ddi::kAutoConfirm,
                   std::string("device ") + *device + (on ? " confirms in advance already" : " does not confirm in advance"));
  std::optional<ddi::AutoConfirm> automatic;
  if (on) {
    automatic = CO_TRY(read_auto_confirm(request, access_.now_ms()));
  }
  auto start = [&](auto done) { store_.set_auto_confirm(*device, to_text(automatic), done); };
  const Result<> written = co_await httpd::delivered<Result<>>(start);
  if (!written) co_return std::unexpected(written.error());
  if (DdiDevices::Entry* const entry = devices_.find(*device)) entry->auto_confirm = automatic;
  co_return ddi_done();
}

}  // namespace aloft::server
