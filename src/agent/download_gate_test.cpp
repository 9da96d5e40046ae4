#include "agent/download_gate.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.hpp"

namespace aloft::agent {
namespace {

using protocol::DownloadPolicy;

class Gate : public ::testing::Test {
 protected:
  Gate() { std::filesystem::remove(file_); }
  ~Gate() override { std::filesystem::remove(file_); }
  DownloadLimits limits(std::uint64_t deployment) {
    return DownloadGate(config_, file_, [this] { return interfaces_; }).limits(deployment);
  }
  void note(std::uint64_t deployment, const DownloadPolicy& policy) {
    ASSERT_TRUE(DownloadGate(config_, file_, [] { return std::vector<std::string>(); }).note(deployment, policy));
  }
  DownloadConfig config_;
  std::vector<std::string> interfaces_{"eth0"};
  const std::filesystem::path file_ = std::filesystem::path(::testing::TempDir()) / "download-policy";
};

TEST_F(Gate, WithoutLimitsThereAreNone) { EXPECT_EQ(limits(7), DownloadLimits{}); }

TEST_F(Gate, TheStricterHolds) {
  config_.budget_kib = 100;
  EXPECT_EQ(limits(7).bytes, 100U << 10);
  note(7, {.budget_bytes = 5000});
  EXPECT_EQ(limits(7).bytes, 5000U) << "kept over a restart";
  EXPECT_EQ(limits(7).why, "the deployment's policy");
  EXPECT_EQ(limits(8).bytes, 100U << 10) << "of another deployment";
  EXPECT_EQ(limits(0).bytes, 100U << 10) << "a local install";
  note(7, {.budget_bytes = 1U << 30});
  EXPECT_EQ(limits(7).bytes, 100U << 10);
}

TEST_F(Gate, AMeteredLinkHasABudgetOfItsOwn) {
  config_.budget_kib = 100;
  config_.metered_interfaces = {"wwan*"};
  config_.metered_budget_kib = 10;
  EXPECT_EQ(limits(7).bytes, 100U << 10);
  interfaces_ = {"wwan0"};
  EXPECT_EQ(limits(7).bytes, 10U << 10);
  note(7, {.metered_budget_bytes = 0});
  EXPECT_EQ(limits(7).bytes, 0U);
}

TEST_F(Gate, WaitsWhereEitherSaysSo) {
  config_.metered_interfaces = {"wwan*"};
  interfaces_ = {"wwan0"};
  EXPECT_FALSE(limits(7).wait);
  note(7, {.metered_wait = true});
  EXPECT_TRUE(limits(7).wait);
  EXPECT_FALSE(limits(8).wait);
  config_.metered_wait = true;
  EXPECT_TRUE(limits(8).wait);
  EXPECT_NE(limits(8).why.find("wwan0"), std::string::npos);
  interfaces_ = {"eth0"};
  EXPECT_FALSE(limits(8).wait);
}

TEST_F(Gate, APolicyThatCannotBeReadIsNone) {
  for (const char* text :
       {"", "{", "[]", R"({"deployment":7})", R"({"deployment":"7","policy":{}})", R"({"deployment":7,"policy":{"budget_bytes":-1}})"}) {
    ASSERT_TRUE(replace_file(file_, text, 0600));
    EXPECT_EQ(limits(7), DownloadLimits{}) << text;
  }
}

}  // namespace
}  // namespace aloft::agent
