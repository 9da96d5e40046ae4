// What every Store must do with how devices have been.
#include "fleet/errors.hpp"
#include "fleet/store_contract.hpp"

namespace aloft::fleet {

using protocol::Vitals;

Result<> StoreHealth::put(const std::string& device, std::vector<Vitals::Version> versions) {
  const Vitals vitals{.last_boot = protocol::BootReason::watchdog, .versions = std::move(versions)};
  return wait<>([&](auto done) { store_->put_vitals(device, vitals, 7000, done); });
}

Vitals::Version StoreHealth::version(const std::string& name, std::uint64_t began, std::uint64_t hours, std::uint64_t crashes,
                                     double temperature) {
  return {.version = name,
          .began = began,
          .uptime_s = hours * 3600,
          .reboots = {1, crashes, 0, 0, 0, 0},
          .metrics = {{"temp", {2, temperature * 2, temperature}}}};
}

ReleaseHealth StoreHealth::health(std::optional<std::uint64_t> rollout, std::uint64_t after) {
  return store_->release_health({.product = "p", .version = "2", .rollout = rollout, .ended_after_ms = after, .only = {}}).value();
}

namespace {

TEST_P(StoreHealth, AreComparedWithWhatTheSameDevicesRanBefore) {
  make_fleet();
  EXPECT_TRUE(put("a", {version("1", 1, 100, 1, 50), version("2", 2, 10, 2, 60)}));
  EXPECT_TRUE(put("b", {version("1", 1, 300, 0, 40), version("2", 5, 20, 0, 80)}));
  EXPECT_TRUE(put("c", {version("2", 1, 70, 1, 90)}));     // came with it
  EXPECT_TRUE(put("d", {version("1", 1, 1000, 50, 99)}));  // has not got it
  const ReleaseHealth found = health();
  EXPECT_EQ(found.devices, 3U);
  EXPECT_EQ(found.uptime_s, 100U * 3600);
  EXPECT_EQ(found.from, (std::vector<std::pair<std::string, std::uint64_t>>{{"1", 2}}));
  const HealthMeasure crash = *find_measure(found, kCrashReboots);
  EXPECT_DOUBLE_EQ(crash.value, 0.03);
  EXPECT_EQ(crash.step_devices, 2U);
  EXPECT_DOUBLE_EQ(crash.step_value, 2.0 / 30);
  EXPECT_DOUBLE_EQ(crash.before_value, 1.0 / 400);
  const HealthMeasure temperature = *find_measure(found, "temp");
  EXPECT_EQ(temperature.devices, 3U);
  EXPECT_DOUBLE_EQ(temperature.value, 80) << "the median of 60, 80, 90";
  EXPECT_DOUBLE_EQ(temperature.step_value, 70);
  EXPECT_DOUBLE_EQ(temperature.before_value, 45);
  EXPECT_EQ(store_->release_health({.product = "other", .version = "2", .rollout = {}, .only = {}})->devices, 0U);
}

TEST_P(StoreHealth, OfARolloutAreOfThoseThatCommittedInIt) {
  make_fleet();
  const Rollout rollout = add(plan()).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const auto made = offer(rollout.id, {"a", "b"})->made;
  EXPECT_TRUE(report("a", {step(made[0].id, 1, UpdateState::committed)}));  // at 3000
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(put(name, {version("2", 1, 10, 1, 60)}));
  EXPECT_EQ(health().devices, 3U);
  EXPECT_EQ(health(rollout.id).devices, 1U);
  EXPECT_EQ(health(rollout.id, 3000).devices, 0U) << "it ended before somebody said: from now on";
}

TEST_P(StoreHealth, ComeTwiceOrAnewAndGoWithTheDevice) {
  make_fleet();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(put("a", {version("1", 1, 10, 1, 50), version("2", 2, 5, 0, 60)}));
  DeviceHealth found = store_->device_health("a").value();
  ASSERT_EQ(found.versions.size(), 2U);
  EXPECT_EQ(found.last_boot, "watchdog");
  EXPECT_EQ(found.versions[0].vitals.version, "2");
  EXPECT_EQ(found.versions[0].vitals.metrics.at("temp").sum, 120);
  EXPECT_EQ(found.versions[1].vitals.reboots[1], 1U);
  EXPECT_TRUE(put("a", {version("2", 1, 1, 0, 61)})) << "its state partition was made anew";
  found = store_->device_health("a").value();
  ASSERT_EQ(found.versions.size(), 1U);
  EXPECT_EQ(found.versions[0].vitals.uptime_s, 3600U);
  for (std::uint64_t i = 2; i < 30; ++i) EXPECT_TRUE(put("a", {version("x" + std::to_string(i), i, 1, 0, 1)}));
  EXPECT_LE(store_->device_health("a")->versions.size(), 17U);
  EXPECT_TRUE(wait<std::uint64_t>([&](auto done) { store_->delete_device("a", done); }));
  EXPECT_EQ(store_->device_health("a").error().code.number, kDeviceUnknown.number);
  EXPECT_EQ(put("a", {}).error().code.number, kDeviceUnknown.number);
  EXPECT_EQ(health().devices, 0U);
}

}  // namespace
}  // namespace aloft::fleet
