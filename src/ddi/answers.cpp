#include "ddi/answers.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace aloft::ddi {
namespace {

Json link(const Base& base, const std::string& rest) { return Json{{"href", base + rest}}; }

std::string_view word(Handling handling) {
  static constexpr std::array<std::string_view, 3> kWords{"skip", "attempt", "forced"};
  return kWords[static_cast<std::size_t>(handling)];
}

Json chunk_of(const Software& software, const Base& base) {
  return Json{{"part", software.part},
              {"version", software.version},
              {"name", software.name},
              {"artifacts", Json::array({to_json(software.artifact, software.module, base)})}};
}

}  // namespace

std::string sleep_of(std::uint64_t seconds) {
  const auto all = static_cast<unsigned>(std::min(std::max(seconds, kMinPollSeconds), kMaxPollSeconds));
  char text[16];
  std::snprintf(text, sizeof text, "%02u:%02u:%02u", all / 3600, all / 60 % 60, all % 60);
  return text;
}

Json to_json(const PollAnswer& answer, const Base& base) {
  Json links = Json::object();
  const std::string id = std::to_string(answer.todo.action);
  switch (answer.todo.what) {
    case Todo::What::nothing: break;
    case Todo::What::deployment: links["deploymentBase"] = link(base, "/deploymentBase/" + id); break;
    case Todo::What::cancellation: links["cancelAction"] = link(base, "/cancelAction/" + id); break;
    case Todo::What::confirmation: links["confirmationBase"] = link(base, "/confirmationBase/" + id); break;
  }
  if (answer.installed) links["installedBase"] = link(base, "/installedBase/" + std::to_string(*answer.installed));
  if (answer.attributes_wanted) links["configData"] = link(base, "/configData");
  return Json{{"config", Json{{"polling", Json{{"sleep", sleep_of(answer.sleep_s)}}}}}, {"_links", std::move(links)}};
}

Json to_json(const Artifact& artifact, std::uint64_t module, const Base& base) {
  const std::string place = "/softwaremodules/" + std::to_string(module) + "/artifacts/" + artifact.file_name;
  // Some clients know only one of the two names; both lead to the same address.
  const Json links{{"download", link(base, place)},
                   {"download-http", link(base, place)},
                   {"md5sum", link(base, place + ".MD5SUM")},
                   {"md5sum-http", link(base, place + ".MD5SUM")}};
  return Json{{"filename", artifact.file_name},
              {"hashes", Json{{"sha1", artifact.sha1}, {"md5", artifact.md5}, {"sha256", artifact.sha256}}},
              {"size", artifact.size_bytes},
              {"_links", links}};
}

Json to_json(const DeploymentAnswer& answer, const Base& base) {
  Json body{
      {"download", word(answer.download)}, {"update", word(answer.update)}, {"chunks", Json::array({chunk_of(answer.software, base)})}};
  if (answer.window_open) body["maintenanceWindow"] = *answer.window_open ? "available" : "unavailable";
  Json json{{"id", std::to_string(answer.action)}, {answer.confirming ? "confirmation" : "deployment", std::move(body)}};
  if (answer.history) json["actionHistory"] = Json{{"status", answer.history->status}, {"messages", answer.history->messages}};
  return json;
}

Json cancel_answer(std::uint64_t action) {
  const std::string id = std::to_string(action);
  return Json{{"id", id}, {"cancelAction", Json{{"stopId", id}}}};
}

Json to_json(const std::optional<AutoConfirm>& automatic, std::optional<std::uint64_t> action, const Base& base) {
  Json state{{"active", automatic.has_value()}};
  if (automatic && !automatic->initiator.empty()) state["initiator"] = automatic->initiator;
  if (automatic && !automatic->remark.empty()) state["remark"] = automatic->remark;
  if (automatic) state["activatedAt"] = automatic->since_ms;
  const std::string other = automatic ? "deactivateAutoConfirm" : "activateAutoConfirm";
  Json links{{other, link(base, "/confirmationBase/" + other)}};
  if (action) links["confirmationBase"] = link(base, "/confirmationBase/" + std::to_string(*action));
  return Json{{"autoConfirm", std::move(state)}, {"_links", std::move(links)}};
}

}  // namespace aloft::ddi
