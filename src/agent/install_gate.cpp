#include "agent/install_gate.hpp"

#include <charconv>
#include <ctime>
#include <tuple>
#include <utility>

#include "agent/errors.hpp"
#include "base/file.hpp"
#include "base/json.hpp"

namespace aloft::agent {
namespace {

constexpr std::time_t kFirstOf2020 = 1'577'836'800;

constexpr std::size_t kMaxPolicyBytes = 4096;

// Of a policy, what decides when to begin.
protocol::InstallPolicy conditions_of(const protocol::InstallPolicy& policy) {
  return protocol::InstallPolicy{.window = policy.window, .consent = policy.consent};
}

Result<std::pair<std::uint64_t, protocol::InstallPolicy>> kept_in(const std::filesystem::path& file) {
  const Json json = TRY(parse_json(TRY(read_file(file, kMaxPolicyBytes))));
  JsonObject object = TRY(JsonObject::of(json, "install policy"));
  const std::uint64_t deployment = TRY(object.number("deployment"));
  const Json* policy = TRY(object.optional_object("policy"));
  if (policy == nullptr) return std::pair(deployment, protocol::InstallPolicy{});
  return std::pair(deployment, TRY(protocol::from_json<protocol::InstallPolicy>(*policy)));
}

std::string window_text(const protocol::MaintenanceWindow& window) {
  const Json json = protocol::to_json(protocol::InstallPolicy{.window = window, .consent = false});
  const Json& shown = json.at("window");
  std::string text = shown.at("from").get<std::string>() + " to " + shown.at("until").get<std::string>();
  if (window.days == 0x7f) return text;
  for (const Json& day : shown.at("days")) text += " " + day.get<std::string>();
  return text;
}

}  // namespace

InstallGate::InstallGate(std::filesystem::path consent_file, std::filesystem::path policy_file, Clock& clock)
    : consent_file_(std::move(consent_file)), policy_file_(std::move(policy_file)), clock_(clock) {
  if (auto kept = kept_in(policy_file_)) std::tie(deployment_, policy_) = *std::move(kept);
  const auto text = read_file(consent_file_, 64);
  std::uint64_t agreed = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), agreed);
  agreed_ = agreed;
}

std::optional<Error> InstallGate::objection(std::uint64_t deployment, const protocol::InstallPolicy& policy) const {
  const auto& window = policy.window;
  if (window) {
    const std::time_t now = std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
    std::tm local{};
    const bool known = now >= kFirstOf2020 && ::localtime_r(&now, &local) != nullptr;
    const auto weekday = static_cast<unsigned>(local.tm_wday + 6) % 7;  // Monday is 0
    const auto minute = static_cast<unsigned>(local.tm_hour * 60 + local.tm_min);
    if (!known)
      return Error{kOutsideWindow, "waits for its maintenance window (" + window_text(*window) + "), and the device's clock is not set"};
    if (!protocol::is_open(*window, weekday, minute))
      return Error{kOutsideWindow, "waits for its maintenance window: " + window_text(*window) + ", device's time"};
  }
  if (policy.consent && !agreed(deployment)) return Error{kNeedsConsent, "waits for a person at the device to agree: aloftd accept"};
  return std::nullopt;
}

std::optional<Error> InstallGate::objection(std::uint64_t deployment) const {
  protocol::InstallPolicy policy;
  {
    const std::lock_guard lock(mutex_);
    if (deployment == 0 || deployment != deployment_) return std::nullopt;
    policy = policy_;
  }
  return objection(deployment, policy);
}

Result<> InstallGate::note(std::uint64_t deployment, const protocol::InstallPolicy& policy) {
  const Json now = protocol::to_json(conditions_of(policy));
  const std::lock_guard lock(mutex_);
  if (deployment == deployment_ && now == protocol::to_json(policy_)) return {};
  const bool was_empty = protocol::to_json(policy_).empty();
  deployment_ = deployment;
  policy_ = conditions_of(policy);
  if (now.empty() && was_empty) return {};
  return replace_file(policy_file_, Json{{"deployment", deployment}, {"policy", now}}.dump() + "\n", 0600);
}

Result<> InstallGate::consent(std::uint64_t deployment) {
  agreed_ = deployment;
  return replace_file(consent_file_, std::to_string(deployment) + "\n", 0644);
}

}  // namespace aloft::agent
