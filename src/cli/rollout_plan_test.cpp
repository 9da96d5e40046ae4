#include "cli/rollout_plan.hpp"

#include <gtest/gtest.h>

namespace aloft::cli {
namespace {

TEST(RolloutPlan, TimesAndSharesAreReadAsPeopleWriteThem) {
  EXPECT_EQ(*seconds_of("90"), 90U);
  EXPECT_EQ(*seconds_of("30m"), 1800U);
  EXPECT_EQ(*seconds_of("2h"), 7200U);
  EXPECT_EQ(*seconds_of("7d"), 604'800U);
  EXPECT_EQ(*permille_of("5%"), 50U);
  EXPECT_EQ(*permille_of("2.5%"), 25U);
  EXPECT_EQ(*permille_of("100%"), 1000U);
  for (const char* text : {"", "h", "5x", "-5s", "1.5h", "99999999999999999999"}) EXPECT_FALSE(seconds_of(text)) << text;
  for (const char* text : {"", "%", "5", "101%", "100.1%", "2.55%", "2.%", "-1%"}) EXPECT_FALSE(permille_of(text)) << text;
}

TEST(RolloutPlan, BecomesWhatTheServerTakes) {
  RolloutPlanOptions options{.filter = "name==*", .waves = {"20:2h", "5%", "100%"}, .gates = {"any:2%:20", "silent:1.5%"}};
  options.success = "95%";
  options.rollback_release = 7;
  options.start_at = "2026-01-31T22:00:00Z";
  options.window = "sat,sun:22:00-05:00";
  options.consent = true;
  options.download_only = true;
  options.download = {.budget_mib = 20, .metered_budget_mib = {}, .metered_wait = true};
  const Json plan = plan_json(options, 3).value();
  EXPECT_EQ(plan.at("waves").dump(), R"([{"count":20,"soak_s":7200},{"permille":50},{"permille":1000}])");
  EXPECT_EQ(plan.at("gates").dump(), R"([{"failure":"any","max_permille":20,"min_sample":20},{"failure":"silent","max_permille":15}])");
  options.rate_growth = "150%:10m";
  EXPECT_EQ(plan_json(options, 3).value().at("rate_growth").dump(), R"({"factor_percent":150,"interval_s":600})");
  options.health_gates = {"crash-reboots>0.01:20:48h", "cpu-temp+10%", "up-link<-1.5", "rate-5%:3:2d"};
  EXPECT_EQ(plan_json(options, 3).value().at("health_gates").dump(),
            R"([{"limit":0.01,"measure":"crash-reboots","min_devices":20,"min_hours":48,"worse":"higher"},)"
            R"({"measure":"cpu-temp","min_devices":10,"worse":"higher","worse_percent":10},)"
            R"({"limit":-1.5,"measure":"up-link","min_devices":10,"worse":"lower"},)"
            R"({"measure":"rate","min_devices":3,"min_hours":48,"worse":"lower","worse_percent":5}])");
  options.health_gates = {"crash-reboots>0.01:20:48"};
  EXPECT_EQ(plan_json(options, 3).value().at("health_gates")[0].at("min_hours"), 48U);
  EXPECT_EQ(
      plan.at("policy").dump(),
      R"({"consent":true,"download":{"budget_bytes":20971520,"metered":"wait"},"download_only":true,"window":{"days":["sat","sun"],"from":"22:00","until":"05:00"}})");
  EXPECT_EQ(plan.at("start_at_ms"), 1'769'896'800'000U);
  EXPECT_EQ(plan.at("on_broken"), "roll-back");
  EXPECT_EQ(plan.at("deadline_s"), 86'400U);
  EXPECT_EQ(plan.at("name"), "release 3");
}

TEST(RolloutPlan, MistakesAreNamed) {
  const auto refused = [](const RolloutPlanOptions& options) { return !plan_json(options, 1).has_value(); };
  EXPECT_TRUE(refused({.waves = {"some"}}));
  for (const char* growth : {"150:10m", "150%", "%:10m", "150%:soon"}) EXPECT_TRUE(refused({.rate_growth = growth})) << growth;
  for (const char* gate : {"", "crash-reboots", ">1", "temp>hot", "temp+10", "temp>10%", "temp>1:many", "temp>1:5:soon", "temp>1:5:90m",
                           "temp>1:5:0", "temp>1:5:0h", "temp>inf", "temp<nan"})
    EXPECT_TRUE(refused({.health_gates = {gate}})) << gate;
  EXPECT_TRUE(refused({.waves = {"5%:soon"}}));
  EXPECT_TRUE(refused({.gates = {"any"}}));
  EXPECT_TRUE(refused({.gates = {"any:2%:few"}}));
  EXPECT_TRUE(refused({.success = "95"}));
  for (const char* time : {"tomorrow", "2026-02-30T22:00:00Z", "2026-01-31T22:00:00Z+02", "2026-1-31T22:00:00Z", "1969-12-31T23:59:59Z"})
    EXPECT_TRUE(refused({.start_at = time})) << time;
  EXPECT_TRUE(refused({.window = "at night"}));
}

}  // namespace
}  // namespace aloft::cli
