// Which attempts to sign in have been used: each is good once.
#pragma once

#include <deque>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/clock.hpp"

namespace aloft::oidc {

inline constexpr std::size_t kMaxSpent = 10'000;

// Bounded: with more than kMaxSpent within kSignInLife the oldest are forgotten; their codes are spent at the provider. On one thread.
class SpentTickets {
 public:
  // Whether this is the first time.
  bool spend(const std::string& state, SteadyTime now);
  std::size_t size() const { return states_.size(); }

 private:
  std::unordered_set<std::string> states_;
  std::deque<std::pair<SteadyTime, std::string>> order_;
};

}  // namespace aloft::oidc
