#include "protocol/vitals.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace aloft::protocol {
namespace {

Vitals example() {
  return {.last_boot = BootReason::watchdog,
          .versions = {{.version = "1.0", .began = 1, .uptime_s = 7200, .reboots = {2, 0, 0, 0, 0, 1}, .metrics = {}},
                       {.version = "2.0",
                        .began = 3,
                        .uptime_s = 60,
                        .reboots = {0, 1, 2, 0, 0, 0},
                        .metrics = {{"cpu-temp", {.count = 2, .sum = -100.5, .last = 51.25}}}}}};
}

TEST(Vitals, ComeThroughAsTheyWere) {
  const Vitals again = from_json<Vitals>(to_json(example())).value();
  EXPECT_EQ(to_json(again), to_json(example()));
  EXPECT_EQ(again.versions[1].metrics.at("cpu-temp").sum, -100.5);
  EXPECT_EQ(crashes_in(again.versions[1].reboots), 3U);
  EXPECT_EQ(unexpected_in(again.versions[0].reboots), 1U);
}

TEST(Vitals, RefuseWhatIsOutOfBounds) {
  const auto refused = [](const auto& change) {
    Json json = to_json(example());
    change(json);
    return !from_json<Vitals>(json).has_value();
  };
  EXPECT_FALSE(refused([](Json&) {}));
  EXPECT_FALSE(refused([](Json& json) { json["new member"] = 1; }));
  EXPECT_TRUE(refused([](Json& json) { json["versions"][1]["began"] = 1; })) << "out of order";
  EXPECT_TRUE(refused([](Json& json) { json["versions"][1]["version"] = "1.0"; })) << "twice";
  EXPECT_TRUE(refused([](Json& json) { json["versions"][1]["metrics"]["cpu-temp"]["count"] = 0; }));
  EXPECT_TRUE(refused([](Json& json) { json["versions"][1]["metrics"]["cpu-temp"]["last"] = 2e15; }));
  EXPECT_TRUE(refused([](Json& json) { json["versions"][1]["metrics"]["cpu-temp"]["sum"] = 1e308; }));
  EXPECT_TRUE(refused([](Json& json) { json["versions"][1]["metrics"]["cpu-temp"]["sum"] = -2.1e15; }));
  EXPECT_FALSE(refused([](Json& json) { json["versions"][1]["metrics"]["cpu-temp"]["sum"] = -2e15; }));
  EXPECT_TRUE(refused([](Json& json) { json["versions"][1]["metrics"]["crash-reboots"] = {{"count", 1}, {"sum", 1}, {"last", 1}}; }));
  EXPECT_TRUE(refused([](Json& json) { json["versions"][1]["reboots"]["watchdog"] = -1; }));
  EXPECT_TRUE(refused([](Json& json) {
    for (int i = 0; i < 40; ++i) json["versions"][0]["metrics"]["m" + std::to_string(i)] = {{"count", 1}, {"sum", 1}, {"last", 1}};
  }));
  EXPECT_TRUE(refused([](Json& json) {
    for (std::uint64_t i = 10; i < 15; ++i) json["versions"].push_back(to_json(Vitals::Version{.version = std::to_string(i), .began = i}));
  }));
}

TEST(Vitals, CountAReasonOfLaterAgentsAsUnclear) {
  Json json = to_json(example());
  json["last_boot"] = "alien-abduction";
  json["versions"][0]["reboots"]["alien-abduction"] = 4U;
  const Vitals read = from_json<Vitals>(json).value();
  EXPECT_EQ(read.last_boot, BootReason::unclear);
  EXPECT_EQ(unexpected_in(read.versions[0].reboots), 5U);
}

TEST(Metrics, HaveNamesAndFiniteValues) {
  EXPECT_TRUE(is_metric_name("cpu-temp.max_C"));
  EXPECT_FALSE(is_metric_name(""));
  EXPECT_FALSE(is_metric_name("a b"));
  EXPECT_FALSE(is_metric_name(std::string(65, 'x')));
  EXPECT_FALSE(is_metric_name("unexpected-reboots"));
  EXPECT_TRUE(is_metric_value(-1e15));
  EXPECT_FALSE(is_metric_value(std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(is_metric_value(std::numeric_limits<double>::quiet_NaN()));
}

}  // namespace
}  // namespace aloft::protocol
