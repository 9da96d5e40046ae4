#include "fleet/rollout.hpp"

#include <algorithm>
#include <cmath>

#include "base/errors.hpp"

namespace aloft::fleet {
namespace {

constexpr std::array<std::string_view, 11> kRolloutStates{"awaiting-approval", "ready",   "running", "soaking",     "open",     "paused",
                                                          "finished",          "aborted", "denied",  "rolled-back", "gathering"};
constexpr std::array<std::string_view, kMemberStates> kMemberStateNames{"waiting",     "offered", "committed", "failed",
                                                                        "rolled-back", "silent",  "cancelled", "skipped"};

// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/).
std::uint64_t add(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

std::string_view to_string(RolloutState state) { return kRolloutStates[static_cast<std::size_t>(state)]; }
bool is_final(RolloutState state) { return state >= RolloutState::finished && state != RolloutState::gathering; }

std::string_view to_string(MemberState state) { return kMemberStateNames[static_cast<std::size_t>(state)]; }

Result<MemberState> member_state_of(std::string_view name) {
  const auto found = std::ranges::find(kMemberStateNames, name);
  if (found == kMemberStateNames.end())
    return fail(kBadArgument,
                "a device's state in a rollout is waiting, offered, committed, failed, rolled-back, silent, cancelled or skipped");
  return static_cast<MemberState>(found - kMemberStateNames.begin());
}

bool is_failure(MemberState state) {
  return state == MemberState::failed || state == MemberState::rolled_back || state == MemberState::silent;
}

MemberState member_state_of(protocol::UpdateState state) {
  switch (state) {
    case protocol::UpdateState::committed: return MemberState::committed;
    case protocol::UpdateState::rolled_back: return MemberState::rolled_back;
    case protocol::UpdateState::failed: return MemberState::failed;
    case protocol::UpdateState::cancelled: return MemberState::cancelled;
    default: return MemberState::offered;
  }
}

double rate_per_minute(const Rollout& rollout, std::uint64_t now_ms) {
  const auto rate = static_cast<double>(rollout.plan.rate_per_minute);
  if (!rollout.plan.rate_growth) return rate;
  const std::uint64_t since_ms = std::max(rollout.started_ms, rollout.judged_after_ms);
  const std::uint64_t intervals = (now_ms - std::min(now_ms, since_ms)) / (rollout.plan.rate_growth->interval_s * 1000);
  const double grown = rate * std::pow(static_cast<double>(rollout.plan.rate_growth->factor_percent) / 100, static_cast<double>(intervals));
  return std::min(grown, static_cast<double>(kMaxRatePerMinute));
}

Sampler::Sampler(std::string_view seed) : seeded_(add(add(0xcbf29ce484222325ULL, seed), std::string_view("\0", 1))) {}

std::uint64_t Sampler::of(std::string_view device) const {
  std::uint64_t hash = add(seeded_, device);
  // MurmurHash3's finaliser: FNV alone leaves the upper bits of similar names alike.
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return (hash ^ (hash >> 33)) >> 32;
}

std::uint64_t sample_of(std::string_view seed, std::string_view device) { return Sampler(seed).of(device); }

}  // namespace aloft::fleet
