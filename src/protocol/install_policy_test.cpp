#include "protocol/install_policy.hpp"

#include <gtest/gtest.h>

namespace aloft::protocol {
namespace {

Result<InstallPolicy> read(const std::string& text) { return from_json<InstallPolicy>(*parse_json(text)); }

TEST(InstallPolicy, IsWhatItSays) {
  const auto policy = read(R"({"window":{"days":["mon","fri"],"from":"22:00","until":"05:30"},"consent":true,"later":1})");
  ASSERT_TRUE(policy);
  EXPECT_TRUE(policy->consent);
  EXPECT_EQ(policy->window->days, 0b10001);
  EXPECT_EQ(to_json(*policy).dump(), R"({"consent":true,"window":{"days":["mon","fri"],"from":"22:00","until":"05:30"}})");
  EXPECT_EQ(to_json(*read("{}")).dump(), "{}");
  const auto costs = read(R"({"download":{"budget_bytes":20,"metered_budget_bytes":0,"metered":"wait"}})");
  ASSERT_TRUE(costs);
  EXPECT_EQ(costs->download, (DownloadPolicy{.budget_bytes = 20, .metered_budget_bytes = 0, .metered_wait = true}));
  EXPECT_EQ(to_json(*costs).dump(), R"({"download":{"budget_bytes":20,"metered":"wait","metered_budget_bytes":0}})");
  EXPECT_EQ(read(R"({"download":{"metered":"use"}})")->download, DownloadPolicy{});
}

TEST(InstallPolicy, RefusesWhatItKnowsAndIsWrong) {
  for (const char* text :
       {R"({"consent":1})", R"({"download":{"budget_bytes":-1}})", R"({"download":{"metered":"perhaps"}})", R"({"window":{}})",
        R"({"window":{"from":"24:00","until":"05:00"}})", R"({"window":{"from":"2:00","until":"05:00"}})",
        R"({"window":{"from":"02:00","until":"05:00","days":[]}})", R"({"window":{"from":"02:00","until":"05:00","days":["sunday"]}})"})
    EXPECT_FALSE(read(text)) << text;
}

TEST(MaintenanceWindow, MayGoOverMidnight) {
  const MaintenanceWindow night{.days = 1, .from_minute = 22 * 60, .until_minute = 5 * 60};  // Monday's
  EXPECT_FALSE(is_open(night, 0, 21 * 60 + 59));
  EXPECT_TRUE(is_open(night, 0, 22 * 60));
  EXPECT_TRUE(is_open(night, 1, 4 * 60 + 59)) << "Tuesday morning belongs to Monday's night";
  EXPECT_FALSE(is_open(night, 1, 5 * 60));
  EXPECT_FALSE(is_open(night, 0, 60)) << "Monday morning is Sunday's";
  const MaintenanceWindow sunday{.days = 1 << 6, .from_minute = 23 * 60, .until_minute = 60};
  EXPECT_TRUE(is_open(sunday, 0, 30));
  const MaintenanceWindow day{.days = 0x7f, .from_minute = 8 * 60, .until_minute = 17 * 60};
  EXPECT_TRUE(is_open(day, 3, 8 * 60));
  EXPECT_FALSE(is_open(day, 3, 17 * 60));
  const MaintenanceWindow always{.days = 0x7f, .from_minute = 60, .until_minute = 60};
  EXPECT_TRUE(is_open(always, 2, 0));
  EXPECT_TRUE(is_open(always, 2, 60));
}

}  // namespace
}  // namespace aloft::protocol
