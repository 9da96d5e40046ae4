#include "protocol/messages.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/errors.hpp"

namespace aloft::protocol {
namespace {

constexpr std::array<std::string_view, 13> kStateNames{"offered", "accepted",  "downloading", "installing", "verified",
                                                       "armed",   "rebooting", "on-trial",    "committed",  "rolled-back",
                                                       "failed",  "deferred",  "cancelled"};
constexpr std::uint64_t kMaxDeploymentId = 0x7fffffff;  // hawkBit's clients hold action ids in 31 bits

Result<Report> report_from(const Json& json) {
  auto object = TRY(JsonObject::of(json, "report"));
  Report report{};
  report.deployment = TRY(object.number("deployment", kMaxDeploymentId));
  report.sequence = TRY(object.number("sequence", INT64_MAX));
  report.time_ms = TRY(object.number("time_ms", INT64_MAX));
  report.state = TRY(update_state_of(TRY(object.text("state", 32))));
  report.error = TRY(object.optional_number("error", UINT16_MAX)).value_or(0);
  report.message = TRY(object.optional_text("message")).value_or("");
  report.progress_permille = TRY(object.optional_number("progress_permille", 1000));
  if (const Json* download = TRY(object.optional_object("download")); download != nullptr)
    report.download = TRY(from_json<Download>(*download));
  return report;
}

Json to_json(const Report& report) {
  Json json{
      {"deployment", report.deployment}, {"sequence", report.sequence}, {"time_ms", report.time_ms}, {"state", to_string(report.state)}};
  if (report.error != 0) json["error"] = report.error;
  if (!report.message.empty()) json["message"] = report.message;
  if (report.progress_permille) json["progress_permille"] = *report.progress_permille;
  if (report.download) json["download"] = protocol::to_json(*report.download);
  return json;
}

}  // namespace

std::string_view to_string(UpdateState state) { return kStateNames[static_cast<std::size_t>(state)]; }

Result<UpdateState> update_state_of(std::string_view name) {
  const auto found = std::ranges::find(kStateNames, name);
  if (found == kStateNames.end()) return fail(kBadJson, "\"" + std::string(name.substr(0, 32)) + "\" is no state of an update");
  return static_cast<UpdateState>(found - kStateNames.begin());
}

bool is_final(UpdateState state) {
  return state == UpdateState::committed || state == UpdateState::rolled_back || state == UpdateState::failed ||
         state == UpdateState::cancelled;
}

std::string challenge_text(std::string_view name, std::string_view nonce) {
  return "aloft device token v1\n" + std::string(name) + "\n" + std::string(nonce) + "\n";
}

bool is_device_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() != '.' && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

bool is_attribute_key(std::string_view key) {
  return !key.empty() && key.size() <= kMaxAttributeKeyBytes && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

bool is_attribute_value(std::string_view value) {
  return value.size() <= kMaxAttributeValueBytes &&
         std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Json to_json(const Inventory& message) { return Json{{"attributes", message.attributes}}; }

template <>
Result<Inventory> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "inventory"));
  Inventory message;
  const Json& attributes = *TRY(object.object("attributes"));
  if (attributes.size() > kMaxAttributes) return fail(kBadJson, "inventory: more than " + std::to_string(kMaxAttributes) + " attributes");
  for (const auto& [key, value] : attributes.items()) {
    if (!is_attribute_key(key)) return fail(kBadJson, "inventory: an attribute's key is 1-128 of A-Z a-z 0-9 . _ -");
    if (!value.is_string() || !is_attribute_value(value.get_ref<const std::string&>()))
      return fail(kBadJson, "inventory: attribute \"" + key + "\" must be a text of at most 1024 bytes without control characters");
    message.attributes.emplace(key, value.get<std::string>());
  }
  return message;
}

Json to_json(const EnrolRequest& message) {
  Json json{{"name", message.name},
            {"public_key", message.public_key},
            {"product", message.product},
            {"hardware", message.hardware},
            {"version", message.version}};
  if (message.token) json["token"] = *message.token;
  return json;
}

template <>
Result<EnrolRequest> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "enrolment"));
  EnrolRequest message;
  message.name = TRY(object.text("name", 64));
  if (!is_device_name(message.name)) return fail(kBadJson, "a device's name is 1-64 of A-Z a-z 0-9 . _ - and does not begin with a dot");
  message.public_key = TRY(object.text("public_key", 4096));
  message.product = TRY(object.text("product", 128));
  message.hardware = TRY(object.text("hardware", 128));
  message.version = TRY(object.text("version", 128));
  message.token = TRY(object.optional_text("token", 256));
  return message;
}

Json to_json(const EnrolReply& message) { return Json{{"accepted", message.accepted}}; }

template <>
Result<EnrolReply> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "enrolment reply"));
  return EnrolReply{TRY(object.boolean("accepted"))};
}

Json to_json(const ChallengeRequest& message) { return Json{{"name", message.name}}; }

template <>
Result<ChallengeRequest> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "challenge request"));
  return ChallengeRequest{TRY(object.text("name", 64))};
}

Json to_json(const ChallengeReply& message) { return Json{{"nonce", message.nonce}}; }

template <>
Result<ChallengeReply> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "challenge"));
  return ChallengeReply{TRY(object.text("nonce", 128))};
}

Json to_json(const TokenRequest& message) {
  return Json{{"name", message.name}, {"nonce", message.nonce}, {"signature", message.signature}};
}

template <>
Result<TokenRequest> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "token request"));
  TokenRequest message;
  message.name = TRY(object.text("name", 64));
  message.nonce = TRY(object.text("nonce", 128));
  message.signature = TRY(object.text("signature", 1024));
  return message;
}

Json to_json(const TokenReply& message) { return Json{{"token", message.token}, {"expires_in_s", message.expires_in_s}}; }

template <>
Result<TokenReply> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "token"));
  TokenReply message{};
  message.token = TRY(object.text("token", 1024));
  message.expires_in_s = TRY(object.number("expires_in_s"));
  return message;
}

Json to_json(const Assignment& message) {
  Json json = Json::object();
  if (!message.deployment) return json;
  json["deployment"] = Json{{"id", message.deployment->id},
                            {"version", message.deployment->version},
                            {"artifact_sha256", message.deployment->artifact_sha256},
                            {"artifact_size_bytes", message.deployment->artifact_size_bytes}};
  if (Json policy = to_json(message.deployment->policy); !policy.empty()) json["deployment"]["policy"] = std::move(policy);
  if (message.deployment->delta) json["deployment"]["delta"] = to_json(*message.deployment->delta);
  return json;
}

template <>
Result<Assignment> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "assignment"));
  const Json* deployment = TRY(object.optional_object("deployment"));
  if (deployment == nullptr) return Assignment{};
  auto inner = TRY(JsonObject::of(*deployment, "deployment"));
  Assignment::Deployment found{};
  found.id = TRY(inner.number("id", kMaxDeploymentId));
  found.version = TRY(inner.text("version", 128));
  found.artifact_sha256 = TRY(inner.text("artifact_sha256", 64));
  if (found.artifact_sha256.size() != 64 || found.artifact_sha256.find_first_not_of("0123456789abcdef") != std::string::npos)
    return fail(kBadJson, "deployment: \"artifact_sha256\" must be 64 lower-case hexadecimal digits");
  found.artifact_size_bytes = TRY(inner.number("artifact_size_bytes", INT64_MAX));
  if (const Json* policy = TRY(inner.optional_object("policy")); policy != nullptr) found.policy = TRY(from_json<InstallPolicy>(*policy));
  if (const Json* delta = TRY(inner.optional_object("delta")); delta != nullptr) found.delta = TRY(from_json<DeltaOffer>(*delta));
  return Assignment{std::move(found)};
}

Json to_json(const Reports& message) {
  Json reports = Json::array();
  for (const Report& report : message.reports) reports.push_back(to_json(report));
  Json json{{"reports", std::move(reports)}, {"version", message.version}};
  if (message.problem) json["problem"] = Json{{"error", message.problem->error}, {"message", message.problem->message}};
  return json;
}

template <>
Result<Reports> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "reports"));
  Reports message;
  for (const Json& report : *TRY(object.array("reports", kMaxReports))) message.reports.push_back(TRY(report_from(report)));
  message.version = TRY(object.text("version", 128));
  if (const Json* problem = TRY(object.optional_object("problem")); problem != nullptr) {
    auto inner = TRY(JsonObject::of(*problem, "problem"));
    message.problem = Problem{TRY(inner.number("error", UINT16_MAX)), TRY(inner.text("message", 16384))};
  }
  return message;
}

Json to_json(const ErrorReply& message) {
  return Json{{"error", Json{{"number", message.number}, {"name", message.name}, {"message", message.message}}}};
}

template <>
Result<ErrorReply> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "answer"));
  auto inner = TRY(JsonObject::of(*TRY(object.object("error")), "error"));
  ErrorReply message{};
  message.number = TRY(inner.number("number", UINT16_MAX));
  message.name = TRY(inner.text("name", 128));
  message.message = TRY(inner.text("message", 16384));
  return message;
}

}  // namespace aloft::protocol
