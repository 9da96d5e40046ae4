#include "oidc/ticket.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include "oidc/errors.hpp"

namespace aloft::oidc {
namespace {

class TicketTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_GE(sodium_init(), 0); }
  FakeClock clock_;
  SeededRandom random_{1};
  const Seal seal_{as_bytes("the server's secret")};
};

TEST_F(TicketTest, ComesBackWhole) {
  const Ticket ticket = new_ticket(random_, "/devices?status=pending", clock_.now());
  EXPECT_NE(ticket.state, ticket.nonce);
  EXPECT_NE(ticket.nonce, ticket.verifier);
  const std::string text = sealed(ticket, seal_, random_);
  EXPECT_FALSE(text.contains(ticket.state));
  const auto back = unsealed(text, seal_, clock_.now());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->state, ticket.state);
  EXPECT_EQ(back->nonce, ticket.nonce);
  EXPECT_EQ(back->verifier, ticket.verifier);
  EXPECT_EQ(back->next, ticket.next);
}

TEST_F(TicketTest, IsGoodForTenMinutesHereOnly) {
  const std::string text = sealed(new_ticket(random_, "/", clock_.now()), seal_, random_);
  EXPECT_FALSE(unsealed(text, Seal(as_bytes("another secret")), clock_.now()));
  EXPECT_FALSE(unsealed(seal_.close("{}", "failure", random_), seal_, clock_.now())) << "sealed for something else";
  EXPECT_FALSE(unsealed("", seal_, clock_.now()));
  EXPECT_FALSE(unsealed("AAAA", seal_, clock_.now()));
  for (std::size_t at = 0; at < text.size(); at += 5) {
    std::string changed = text;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_TRUE(changed == text || !unsealed(changed, seal_, clock_.now())) << at;
  }
  clock_.advance(std::chrono::seconds(599));
  EXPECT_TRUE(unsealed(text, seal_, clock_.now()));
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(unsealed(text, seal_, clock_.now()).error().code.number, kSignInStale.number);
}

// RFC 7636, appendix B.
TEST_F(TicketTest, TheChallengeIsTheVerifiersDigest) {
  EXPECT_EQ(challenge_of({.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST_F(TicketTest, LeadsToPagesOfThisServerOnly) {
  for (const char* good : {"/", "/devices?status=pending", "/rollouts/3"}) EXPECT_TRUE(is_local_page(good)) << good;
  for (const char* bad : {"", "//evil.example", "/\\evil.example", "https://evil.example/", "evil", "/a\r\nX: y", "/a b", "/\"><script>"})
    EXPECT_FALSE(is_local_page(bad)) << bad;
  EXPECT_FALSE(is_local_page("/" + std::string(1024, 'a')));
}

}  // namespace
}  // namespace aloft::oidc
