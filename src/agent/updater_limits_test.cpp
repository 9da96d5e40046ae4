// The updater keeps to what an update may cost.
#include <gtest/gtest.h>

#include "agent/errors.hpp"
#include "agent/test_machine.hpp"
#include "agent/updater.hpp"

namespace aloft::agent {
namespace {

using test::kBootBytes;
using test::kRootfsBytes;
using test::releases;
using update::Phase;

// A device whose bundles come over a link with limits.
class Costly : public BundleOpener, public Slots, public Surroundings {
 public:
  Result<std::unique_ptr<OpenBundle>> open(const std::string& source) override {
    ++opened;
    return std::make_unique<test::MemoryBundle>(releases().at(source).bundle, releases().trust());
  }
  void limit_fetching(std::uint64_t most_bytes, const std::string&) override { allowed = most_bytes; }
  std::vector<std::string> groups() const override { return {"A", "B"}; }
  Result<std::map<std::string, SlotFacts>> facts(const std::string&) override {
    return std::map<std::string, SlotFacts>{{"rootfs", {"raw", kRootfsBytes}}, {"boot", {"raw", kBootBytes}}};
  }
  Result<storage::Target> open(const std::string&, const bundle::Image& image) override {
    return storage::device_target(std::make_unique<storage::SimDisk>(power, image.slot_class == "boot" ? kBootBytes : kRootfsBytes));
  }
  void decide(const update::State&) override { updater->accept(); }
  DownloadLimits download_limits(std::uint64_t deployment) override { return deployment == 0 ? local_limits : limits; }
  void transition(const update::State& state) override { told.push_back(state); }
  void progress(std::uint64_t) override {}
  void begin_trial(const update::State&) override {}
  Result<> reboot(const std::optional<std::string>&) override { return {}; }
  bool pause_before_retry(unsigned) override { return false; }

  DownloadLimits limits;
  DownloadLimits local_limits;
  std::uint64_t allowed = 0;
  unsigned opened = 0;
  std::vector<update::State> told;
  storage::Power power;
  storage::SimExt4 state_partition{power};
  test::SimStateFiles files{state_partition};
  boot::FakeControl boot{{"A", "B"}};
  FakeClock clock;
  Updater* updater = nullptr;
};

class UpdaterLimits : public ::testing::Test {
 protected:
  UpdaterLimits()
      : updater_({.product = "lab-gateway", .hardware = "rev-a", .booted = "A", .boot_id = "1", .workers = 1},
                 {device_, device_, device_.boot, device_.files, device_.clock, device_}) {
    device_.updater = &updater_;
    EXPECT_TRUE(updater_.start());
    updater_.run();
  }
  update::State install(const std::string& version, std::uint64_t deployment) {
    EXPECT_TRUE(updater_.offer(version, deployment));
    updater_.run();
    return updater_.status().state;
  }
  Costly device_;
  Updater updater_;
};

TEST_F(UpdaterLimits, ADeploymentWaitsAndGoesOnFromWhereverItComesByThen) {
  device_.limits = {.wait = true, .why = "the link is metered"};
  const update::State waiting = install("2", 5);
  EXPECT_EQ(waiting.phase, Phase::deferred);
  EXPECT_EQ(waiting.error, kMeteredLink.number);
  EXPECT_EQ(device_.told.back().error, kMeteredLink.number) << "the server is told";
  EXPECT_EQ(device_.opened, 0U) << "nothing was asked for";
  device_.limits = {};
  updater_.accept("4");
  updater_.run();
  EXPECT_EQ(updater_.status().state.phase, Phase::rebooting);
  EXPECT_EQ(updater_.status().state.version, "4");
  EXPECT_EQ(updater_.status().state.error, 0U);
  EXPECT_EQ(device_.allowed, UINT64_MAX);
}

TEST_F(UpdaterLimits, ALocalInstallFails) {
  device_.local_limits = {.wait = true, .why = "the link is metered"};
  const update::State failed = install("2", 0);
  EXPECT_EQ(failed.phase, Phase::failed);
  EXPECT_EQ(failed.error, kMeteredLink.number);
}

TEST_F(UpdaterLimits, WhatMayBeFetchedIsSaidBeforeAnythingIsOpened) {
  device_.limits = {.bytes = 1000, .why = "download.budget_kib"};
  EXPECT_EQ(install("2", 5).phase, Phase::rebooting) << "this bundle does not come over the network";
  EXPECT_EQ(device_.allowed, 1000U);
}

}  // namespace
}  // namespace aloft::agent
