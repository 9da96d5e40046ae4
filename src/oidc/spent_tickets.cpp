#include "oidc/spent_tickets.hpp"

#include "oidc/id_token.hpp"

namespace aloft::oidc {

bool SpentTickets::spend(const std::string& state, SteadyTime now) {
  while (!order_.empty() && (order_.front().first + kSignInLife < now || order_.size() >= kMaxSpent)) {
    states_.erase(order_.front().second);
    order_.pop_front();
  }
  if (!states_.insert(state).second) return false;
  order_.emplace_back(now, state);
  return true;
}

}  // namespace aloft::oidc
