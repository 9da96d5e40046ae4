#include "server/ddi_devices.hpp"

#include "ddi/local_hour.hpp"

namespace aloft::server {

DdiDevices::DdiDevices(const Roster& roster, Changes& changes) {
  changes.follow({.device =
                      [this, &roster](const std::string& name) {
                        if (roster.find(name) == nullptr) devices_.erase(name);
                      },
                  .deployment = [this](const fleet::Deployment& deployment) { apply(deployment); },
                  .groups = {},
                  .rollout = {}});
}

Result<> DdiDevices::load(fleet::Store& store) {
  for (const fleet::DdiDevice& device : TRY(store.ddi_devices())) take(device);
  if (devices_.empty()) return {};
  constexpr std::size_t kPage = 1000;
  fleet::DeploymentQuery active{.active = true, .limit = kPage};
  while (true) {
    const std::vector<fleet::Deployment> page = TRY(store.deployments(active));
    for (const fleet::Deployment& deployment : page) apply(deployment);
    if (page.size() < kPage) return {};
    active.before = page.back().id;
  }
}

void DdiDevices::take(const fleet::DdiDevice& device) {
  devices_[device.name] = {.attributes_known = device.attributes_known,
                           .auto_confirm = auto_confirm_of(device.auto_confirm),
                           .utc_offset_minutes = ddi::utc_offset_minutes(device.utc_offset).value_or(0),
                           .installed = device.installed,
                           .withdrawn = device.withdrawn};
}

DdiDevices::Entry* DdiDevices::find(const std::string& device) {
  const auto found = devices_.find(device);
  return found == devices_.end() ? nullptr : &found->second;
}

void DdiDevices::put(const std::string& device) { devices_.try_emplace(device); }

void DdiDevices::apply(const fleet::Deployment& deployment) {
  Entry* const entry = find(deployment.device);
  if (entry == nullptr) return;
  using protocol::UpdateState;
  if (!protocol::is_final(deployment.state)) {
    entry->action = deployment.id;
    entry->state = deployment.state;
    return;
  }
  if (entry->action == deployment.id) entry->action = 0;
  if (deployment.state == UpdateState::committed) entry->installed = deployment.id;
  const bool waits = deployment.state == UpdateState::cancelled && deployment.closing == fleet::Closing::open;
  if (waits && entry->withdrawn != deployment.id) {
    entry->withdrawn = deployment.id;
    entry->cancel_answers = 0;
  }
  if (!waits && entry->withdrawn == deployment.id) entry->withdrawn.reset();
}

ddi::Situation DdiDevices::situation(const Entry& entry, const Roster::Entry& roster, std::uint64_t now_ms) {
  ddi::Situation situation{.withdrawn = entry.withdrawn,
                           .withdrawal_ignored = entry.cancel_answers >= kMaxCancelAnswers,
                           .state = entry.state,
                           .confirmed_in_advance = entry.auto_confirm.has_value(),
                           .now_ms = now_ms,
                           .utc_offset_minutes = entry.utc_offset_minutes};
  if (!roster.deployment || roster.deployment->id != entry.action) return situation;
  situation.action = entry.action;
  situation.policy = roster.deployment->policy;
  return situation;
}

std::string to_text(const std::optional<ddi::AutoConfirm>& automatic) {
  if (!automatic) return {};
  const Json json{{"initiator", automatic->initiator}, {"remark", automatic->remark}, {"since_ms", automatic->since_ms}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<ddi::AutoConfirm> auto_confirm_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  ddi::AutoConfirm automatic;
  const Result<Json> json = parse_json(text);
  if (!json) return automatic;
  Result<JsonObject> object = JsonObject::of(*json, "auto-confirm");
  if (!object) return automatic;
  automatic.initiator = object->optional_text("initiator").value_or(std::nullopt).value_or("");
  automatic.remark = object->optional_text("remark").value_or(std::nullopt).value_or("");
  automatic.since_ms = object->optional_number("since_ms").value_or(std::nullopt).value_or(0);
  return automatic;
}

}  // namespace aloft::server
