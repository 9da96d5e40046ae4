#include "agent/hold_gate.hpp"

#include "agent/errors.hpp"
#include "base/file.hpp"
#include "base/json.hpp"

namespace aloft::agent {
namespace {

constexpr std::size_t kMaxHoldBytes = 4096;

Result<std::pair<std::uint64_t, std::string>> kept_in(const std::filesystem::path& file) {
  const Json json = TRY(parse_json(TRY(read_file(file, kMaxHoldBytes))));
  JsonObject object = TRY(JsonObject::of(json, "hold"));
  const std::uint64_t deployment = TRY(object.number("deployment"));
  return std::pair(deployment, TRY(object.text("why")));
}

}  // namespace

HoldGate::HoldGate(std::filesystem::path file) : file_(std::move(file)) {
  if (const auto kept = kept_in(file_)) std::tie(deployment_, why_) = *kept;
}

Result<> HoldGate::set(std::uint64_t deployment, const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (why.empty() && why_.empty()) return {};
  if (deployment == deployment_ && why == why_) return {};
  const auto kept = replace_file(file_, Json{{"deployment", deployment}, {"why", why}}.dump() + "\n", 0600);
  if (!kept && why.empty()) return kept;
  deployment_ = deployment;
  why_ = why;
  return kept;
}

std::optional<Error> HoldGate::objection(std::uint64_t deployment) const {
  const std::lock_guard lock(mutex_);
  if (deployment == 0 || why_.empty() || deployment != deployment_) return std::nullopt;
  return Error{kHeld, why_};
}

}  // namespace aloft::agent
