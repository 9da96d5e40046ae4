#include "agent/download_gate.hpp"

#include "agent/metered_link.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

constexpr std::size_t kMaxPolicyBytes = 4096;
constexpr std::size_t kMaxRouteBytes = 1 << 20;

void narrow(DownloadLimits& limits, std::optional<std::uint64_t> bytes, const std::string& why) {
  if (!bytes || (limits.bytes && *limits.bytes <= *bytes)) return;
  limits.bytes = bytes;
  if (!limits.wait) limits.why = why;
}

std::optional<std::uint64_t> in_bytes(std::uint64_t kib) {
  if (kib == 0) return std::nullopt;
  return kib << 10;
}

}  // namespace

DownloadGate::DownloadGate(const DownloadConfig& config, std::filesystem::path file, std::function<std::vector<std::string>()> interfaces)
    : config_(config), file_(std::move(file)), interfaces_(std::move(interfaces)) {
  const auto text = read_file(file_, kMaxPolicyBytes);
  if (!text) return;
  const auto json = parse_json(*text);
  if (!json || !json->is_object() || !json->contains("deployment") || !json->contains("policy")) return;
  auto policy = protocol::from_json<protocol::DownloadPolicy>((*json)["policy"]);
  if (!policy || !(*json)["deployment"].is_number_unsigned()) return;
  deployment_ = (*json)["deployment"].get<std::uint64_t>();
  policy_ = *policy;
}

Result<> DownloadGate::note(std::uint64_t deployment, const protocol::DownloadPolicy& policy) {
  const std::lock_guard lock(mutex_);
  if (deployment == deployment_ && policy == policy_) return {};
  deployment_ = deployment;
  policy_ = policy;
  return replace_file(file_, Json{{"deployment", deployment}, {"policy", protocol::to_json(policy)}}.dump() + "\n", 0600);
}

DownloadLimits DownloadGate::limits(std::uint64_t deployment) const {
  const std::lock_guard lock(mutex_);
  const protocol::DownloadPolicy policy = deployment != 0 && deployment == deployment_ ? policy_ : protocol::DownloadPolicy{};
  DownloadLimits limits;
  const std::string metered = metered_among(interfaces_(), config_.metered_interfaces);
  if (!metered.empty() && (config_.metered_wait || policy.metered_wait)) {
    limits.wait = true;
    limits.why = "the link over " + metered + " is metered, and " +
                 (config_.metered_wait ? "download.metered is \"wait\"" : "the deployment's policy says to wait");
  }
  narrow(limits, in_bytes(config_.budget_kib), "download.budget_kib");
  narrow(limits, policy.budget_bytes, "the deployment's policy");
  if (metered.empty()) return limits;
  narrow(limits, in_bytes(config_.metered_budget_kib), "download.metered_budget_kib, over " + metered + ",");
  narrow(limits, policy.metered_budget_bytes, "the deployment's policy for metered links");
  return limits;
}

std::vector<std::string> interfaces_in_use() {
  return default_interfaces(read_file("/proc/net/route", kMaxRouteBytes).value_or(""),
                            read_file("/proc/net/ipv6_route", kMaxRouteBytes).value_or(""));
}

}  // namespace aloft::agent
