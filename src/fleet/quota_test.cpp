#include "fleet/quota.hpp"

#include <gtest/gtest.h>

#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

std::uint16_t number(const auto& result) { return result ? 0 : result.error().code.number; }
Amounts amounts(Quota quota, std::uint64_t amount) {
  Amounts made{};
  made[static_cast<std::size_t>(quota)] = amount;
  return made;
}

TEST(Quotas, HaveOneNameEach) {
  for (std::size_t at = 0; at < kQuotas; ++at) EXPECT_EQ(quota_of(to_string(static_cast<Quota>(at))).value(), static_cast<Quota>(at));
  EXPECT_EQ(number(quota_of("gold")), kQuotaWrong.number);
}

TEST(Quotas, ComeAndGoByName) {
  Limits limits = changed_limits({}, Json{{"devices", 5U}, {"webhooks", 0U}}).value();
  EXPECT_EQ(limits.of(Quota::devices), 5U);
  EXPECT_EQ(limits.of(Quota::webhooks), 0U);
  EXPECT_EQ(limits.of(Quota::users), std::nullopt);
  limits = changed_limits(limits, Json{{"devices", nullptr}, {"users", 3U}}).value();
  EXPECT_EQ(to_json(limits), (Json{{"webhooks", 0U}, {"users", 3U}}));
  EXPECT_EQ(changed_limits({}, to_json(limits)).value(), limits);
}

TEST(Quotas, ThatMakeNoSenseAreRefused) {
  for (const Json& json : {Json{{"gold", 5U}}, Json{{"users", 0U}}, Json{{"log_bytes", 1000U}}, Json{{"requests_per_s", 1U}},
                           Json{{"devices", kMaxLimit + 1}}})
    EXPECT_EQ(number(changed_limits({}, json)), kQuotaWrong.number) << json;
  for (const Json& json : {Json{{"devices", -1}}, Json{{"devices", "5"}}, Json{{"devices", 1.5}}, Json::array()})
    EXPECT_FALSE(changed_limits({}, json)) << json;
}

TEST(Quotas, OnlyWhatGrowsOverOneIsRefused) {
  const Limits limits = changed_limits({}, Json{{"devices", 5U}, {"artifact_bytes", 100U}}).value();
  const auto check = [&](Quota quota, std::uint64_t before, std::uint64_t after) {
    return number(check_growth(limits, amounts(quota, before), amounts(quota, after)));
  };
  EXPECT_EQ(check(Quota::devices, 4, 5), 0);
  EXPECT_EQ(check(Quota::devices, 5, 6), kQuotaReached.number);
  EXPECT_EQ(check(Quota::devices, 9, 9), 0) << "the limit was lowered: what is there stays";
  EXPECT_EQ(check(Quota::devices, 9, 8), 0);
  EXPECT_EQ(check(Quota::devices, 8, 9), kQuotaReached.number);
  EXPECT_EQ(check(Quota::artifact_bytes, 50, 101), kQuotaBytes.number);
  EXPECT_EQ(check(Quota::users, 50, 5000), 0);
}

}  // namespace
}  // namespace aloft::fleet
