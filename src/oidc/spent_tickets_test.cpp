#include "oidc/spent_tickets.hpp"

#include <gtest/gtest.h>

#include "oidc/id_token.hpp"

namespace aloft::oidc {
namespace {

TEST(SpentTickets, AreGoodOnce) {
  FakeClock clock;
  SpentTickets spent;
  EXPECT_TRUE(spent.spend("a", clock.steady()));
  clock.advance(kSignInLife);
  EXPECT_FALSE(spent.spend("a", clock.steady()));
  EXPECT_TRUE(spent.spend("b", clock.steady()));
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(spent.spend("c", clock.steady()));
  EXPECT_EQ(spent.size(), 2U) << "one that has expired anyway is forgotten";
}

TEST(SpentTickets, AreBounded) {
  SpentTickets spent;
  for (std::size_t i = 0; i < kMaxSpent + 100; ++i) EXPECT_TRUE(spent.spend(std::to_string(i), {}));
  EXPECT_LE(spent.size(), kMaxSpent);
  EXPECT_FALSE(spent.spend(std::to_string(kMaxSpent + 99), {}));
}

}  // namespace
}  // namespace aloft::oidc
