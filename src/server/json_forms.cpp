#include "server/json_forms.hpp"

namespace aloft::server {

Json to_json(const fleet::Device& device) {
  Json json{{"name", device.name},
            {"status", fleet::to_string(device.status)},
            {"protocol", fleet::to_string(device.protocol)},
            {"product", device.product},
            {"hardware", device.hardware},
            {"version", device.version},
            {"key_sha256", to_hex(device.key_sha256)},
            {"created_ms", device.created_ms},
            {"last_seen_ms", device.last_seen_ms}};
  if (device.deployment) json["deployment"] = *device.deployment;
  if (device.problem_error != 0) json["problem"] = Json{{"error", device.problem_error}, {"message", device.problem}};
  return json;
}

Json to_json(const fleet::Group& group) {
  Json json{{"name", group.name},
            {"description", group.description},
            {"device_count", group.device_count},
            {"created_ms", group.created_ms},
            {"created_by", group.created_by}};
  if (group.filter) json["filter"] = *group.filter;
  return json;
}

Json to_json(const fleet::DeviceType& type) {
  Json hardware = Json::array();
  for (const auto& one : type.hardware)
    hardware.push_back(Json{
        {"hardware", one.hardware}, {"description", one.description}, {"described", one.described}, {"device_count", one.device_count}});
  return Json{{"product", type.product}, {"description", type.description}, {"hardware", std::move(hardware)}};
}

Json to_json(const fleet::EnrolmentToken& token) {
  Json json{{"id", token.id}, {"note", token.note}, {"created_ms", token.created_ms}, {"expires_ms", token.expires_ms}};
  if (token.used_ms) json["used_ms"] = *token.used_ms;
  if (token.used_ms) json["used_by"] = token.used_by;
  return json;
}

Json to_json(const fleet::Release& release) {
  Json json{{"id", release.id},
            {"product", release.product},
            {"hardware", release.hardware},
            {"version", release.version},
            {"security_version", release.security_version},
            {"description", release.description},
            {"size_bytes", release.size_bytes},
            {"sha256", to_hex(release.sha256)},
            {"format", fleet::to_string(release.format)},
            {"file_name", release.file_name},
            {"sha1", release.sha1},
            {"md5", release.md5},
            {"manifest_sha256", to_hex(release.manifest_sha256)},
            {"signers", release.signers},
            {"verified", release.verified},
            {"must_pass_through", release.must_pass},
            {"created_ms", release.created_ms},
            {"created_by", release.created_by}};
  if (Result<Json> contents = parse_json(release.contents)) json["contents"] = *std::move(contents);
  return json;
}

Json to_json(const fleet::Delta& delta) {
  Json json{{"id", delta.id},
            {"release", delta.release},
            {"from_version", delta.from_version},
            {"hardware", delta.hardware},
            {"created_ms", delta.created_ms},
            {"wanted_ms", delta.wanted_ms}};
  if (!delta.created_by.empty()) json["created_by"] = delta.created_by;
  if (!delta.problem.empty()) {
    json["problem"] = delta.problem;
    return json;
  }
  json["size_bytes"] = delta.size_bytes;
  json["sha256"] = to_hex(delta.sha256);
  Json sources = Json::array();
  for (const auto& source : delta.sources) sources.push_back({{"image", source.image}, {"sha256", source.sha256}});
  json["sources"] = std::move(sources);
  return json;
}

Json to_json(const fleet::DownloadTotal& total) {
  return Json{{"method", protocol::to_string(total.method)},
              {"deployments", total.deployments},
              {"fetched_bytes", total.fetched_bytes},
              {"saved_bytes", total.saved_bytes}};
}

Json to_json(const fleet::Deployment& deployment) {
  Json json{{"id", deployment.id},
            {"device", deployment.device},
            {"version", deployment.version},
            {"artifact_sha256", to_hex(deployment.artifact_sha256)},
            {"state", protocol::to_string(deployment.state)},
            {"created_ms", deployment.created_ms},
            {"created_by", deployment.created_by},
            {"changed_ms", deployment.changed_ms},
            {"log", deployment.has_log}};
  if (deployment.release) json["release"] = *deployment.release;
  if (deployment.rollout) json["rollout"] = *deployment.rollout;
  if (Json policy = protocol::to_json(deployment.policy); !policy.empty()) json["policy"] = std::move(policy);
  if (deployment.error != 0) json["error"] = deployment.error;
  if (!deployment.message.empty()) json["message"] = deployment.message;
  if (deployment.progress_permille) json["progress_permille"] = *deployment.progress_permille;
  if (deployment.download) json["download"] = protocol::to_json(*deployment.download);
  return json;
}

Json to_json(const fleet::Transition& transition) {
  Json json{{"id", transition.id},
            {"from", transition.sequence == 0 ? "server" : "device"},
            {"sequence", transition.sequence},
            {"time_ms", transition.time_ms},
            {"received_ms", transition.received_ms},
            {"state", protocol::to_string(transition.state)}};
  if (transition.error != 0) json["error"] = transition.error;
  if (!transition.message.empty()) json["message"] = transition.message;
  if (transition.progress_permille) json["progress_permille"] = *transition.progress_permille;
  return json;
}

Json to_json(const fleet::AccessToken& token) {
  Json json{{"id", token.id},
            {"kind", token.kind == fleet::AccessToken::Kind::session ? "session" : "api"},
            {"note", token.note},
            {"created_ms", token.created_ms}};
  if (token.expires_ms) json["expires_ms"] = *token.expires_ms;
  if (token.used_ms != 0) json["used_ms"] = token.used_ms;
  if (!token.client.empty()) json["client"] = token.client;
  if (!token.address.empty()) json["address"] = token.address;
  return json;
}

}  // namespace aloft::server
