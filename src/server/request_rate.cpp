#include "server/request_rate.hpp"

#include <algorithm>
#include <cmath>

namespace aloft::server {
namespace {

constexpr double kBurstSeconds = 2;

}  // namespace

void RequestRate::set(std::optional<std::uint64_t> per_second) {
  per_second_ = static_cast<double>(per_second.value_or(0));
  all_.reset();
  own_.clear();
}

void RequestRate::Bucket::fill(double per_second, SteadyTime now) {
  const double seconds = std::chrono::duration<double>(now - filled).count();
  left = std::min(left + seconds * per_second, per_second * kBurstSeconds);
  filled = now;
}

// Those whose bucket is full again are as if they had never asked.
void RequestRate::forget_idle(SteadyTime now) {
  for (auto& [who, bucket] : own_) bucket.fill(per_second_ / 2, now);
  std::erase_if(own_, [this](const auto& entry) { return entry.second.left >= per_second_ / 2 * kBurstSeconds; });
  if (own_.size() >= kMaxKnown) own_.clear();  // what all make together is limited still
}

std::optional<std::chrono::seconds> RequestRate::take(std::uint64_t who, SteadyTime now) {
  if (per_second_ == 0) return std::nullopt;
  if (!all_) all_ = Bucket{.left = per_second_ * kBurstSeconds, .filled = now};
  if (own_.size() >= kMaxKnown && !own_.contains(who)) forget_idle(now);
  Bucket& own = own_.try_emplace(who, Bucket{.left = per_second_ / 2 * kBurstSeconds, .filled = now}).first->second;
  all_->fill(per_second_, now);
  own.fill(per_second_ / 2, now);
  const double wait = std::max((1 - all_->left) / per_second_, (1 - own.left) / (per_second_ / 2));
  if (wait > 0) return std::chrono::seconds(static_cast<std::int64_t>(std::ceil(wait)));
  --all_->left;
  --own.left;
  return std::nullopt;
}

}  // namespace aloft::server
