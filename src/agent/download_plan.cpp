#include "agent/download_plan.hpp"

#include <algorithm>

#include "agent/errors.hpp"
#include "update/errors.hpp"

namespace aloft::agent {

DownloadPlan plan_download(const std::vector<ImageWays>& images) {
  DownloadPlan plan;
  for (const ImageWays& ways : images) {
    DownloadMethod best = DownloadMethod::full;
    std::uint64_t bytes = ways.full_bytes;
    const auto consider = [&](DownloadMethod method, std::uint64_t cost) {
      if (cost >= bytes) return;
      best = method;
      bytes = cost;
    };
    if (ways.delta_bytes) consider(DownloadMethod::delta, *ways.delta_bytes);
    if (ways.reuse)
      consider(DownloadMethod::reuse, ways.reuse->index_bytes + ways.reuse->missing_bytes.value_or(ways.full_bytes / kGuessedMissing));
    plan.images.push_back(best);
    plan.expected_bytes += bytes;
  }
  return plan;
}

std::uint64_t DownloadLimits::left(std::uint64_t spent_bytes) const { return bytes ? *bytes - std::min(*bytes, spent_bytes) : UINT64_MAX; }

Result<> check_limits(const DownloadLimits& limits, std::uint64_t spent_bytes, std::uint64_t expected_bytes) {
  if (limits.wait) return fail(kMeteredLink, "the update waits for a link that costs nothing: " + limits.why);
  if (expected_bytes <= limits.left(spent_bytes)) return {};
  return fail(kOverBudget, "the update would fetch " + std::to_string(expected_bytes) + " bytes, " + std::to_string(spent_bytes) +
                               " were fetched already, and " + limits.why + " allows " + std::to_string(limits.bytes.value_or(0)) +
                               "; allow more, give it a delta, or bring the bundle by hand");
}

bool is_for_later(const Error& error) {
  return error.code.number == kMeteredLink.number || error.code.number == kOverBudget.number ||
         error.code.number == kFallbackLimit.number || error.code.number == kHeld.number ||
         error.code.number == update::kSlotRefuses.number;
}

}  // namespace aloft::agent
