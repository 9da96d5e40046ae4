// For tests: the real updater around a fake boot control, with parts that can be made to fail.
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "agent/errors.hpp"
#include "agent/test_machine.hpp"
#include "base/errors.hpp"

namespace aloft::agent::test {

// Slots that exist once, of every class, each switched by itself.
class BenchSharedSlots final : public SharedSlots {
 public:
  bool has(const std::string&) const override { return true; }
  std::string together(const std::string&) const override { return word; }
  Result<> commit_together(std::span<const DueSwitch> due) override {
    for (const DueSwitch& one : due) TRY(commit(one));
    return {};
  }
  Result<> commit(const DueSwitch& due) override {
    if (const auto found = errors.find(due.slot_class); found != errors.end()) return fail(found->second, "it does not switch");
    switched.push_back(due.slot_class);
    return {};
  }
  bool must_commit(const std::string&) const override { return true; }
  Result<> give_up(const std::string& slot_class) override {
    given_up.push_back(slot_class);
    return {};
  }

  std::string word;                         // those that are switched as one
  std::map<std::string, ErrorCode> errors;  // of switching
  std::vector<std::string> switched;
  std::vector<std::string> given_up;
};

// A device around a fake boot control, whose parts can be made to fail.
class Bench : public BundleOpener, public Slots, public Surroundings {
 public:
  Result<std::unique_ptr<OpenBundle>> open(const std::string& source) override {
    ++opened;
    if (while_opening) while_opening();
    if (opens_that_fail > 0) {
      --opens_that_fail;
      return fail(kIo, "no route to the server");
    }
    return std::make_unique<MemoryBundle>(releases().at(source).bundle, releases().trust());
  }
  std::vector<std::string> groups() const override { return {"A", "B"}; }
  Result<std::map<std::string, SlotFacts>> facts(const std::string&) override { return slot_facts; }
  Result<storage::Target> open(const std::string& group, const bundle::Image& image) override {
    written_groups.insert(group);
    if (while_installing) while_installing();
    if (slot_is_gone) return fail(kNotFound, "/dev/disk/by-partlabel/rootfs-b: No such file or directory");
    if (slot_has_bad_block && image.slot_class == "rootfs") return storage::device_target(std::make_unique<BadBlock>(power, kRootfsBytes));
    return storage::device_target(std::make_unique<storage::SimDisk>(power, image.slot_class == "boot" ? kBootBytes : kRootfsBytes));
  }
  void decide(const update::State& state) override {
    if (accept_at_once && !(state.error == kHeld.number && hold(state.deployment))) return updater->accept();
    if (accept_at_once) updater->defer(Error{kHeld, state.message});
  }
  void transition(const update::State& state) override { told.push_back(state.phase); }
  void progress(std::uint64_t permille) override { told_permille = permille; }
  std::optional<Error> hold(std::uint64_t deployment) override {
    if (gate) return gate(deployment);
    return deployment == held ? std::optional(Error{kHeld, "download only"}) : std::nullopt;
  }
  void begin_trial(const update::State&) override { ++trials; }
  Result<> reboot(const std::optional<std::string>&) override {
    ++reboots;
    return {};
  }
  bool pause_before_retry(unsigned attempt) override {
    if (while_pausing) while_pausing();
    return attempt < 3;
  }
  Result<> commit() override { return switches ? switches->commit() : Result<>(); }
  Result<> make_up() override { return switches ? switches->make_up() : Result<>(); }
  Result<> abandon() override {
    if (abandon_fails) return fail(*abandon_fails);
    return switches ? switches->abandon() : Result<>();
  }
  std::vector<RefusedSwitch> refused() override { return switches ? switches->refused() : std::vector<RefusedSwitch>(); }
  std::optional<RefusedSwitch> refusal_of(const std::string& slot_class) override {
    return switches ? switches->refusal_of(slot_class) : std::nullopt;
  }
  void trouble_changed() override { ++troubles; }

  std::map<std::string, SlotFacts> slot_facts = {{"rootfs", {"raw", kRootfsBytes}}, {"boot", {"raw", kBootBytes}}};
  std::set<std::string> written_groups;
  std::vector<update::Phase> told;
  void end_with(const std::stop_token& stop) override { opening_stop = stop; }
  std::function<void()> while_opening;
  std::stop_token opening_stop;  // of what was opened last
  std::function<void()> while_installing;
  std::function<void()> while_pausing;
  std::uint64_t told_permille = 0;
  std::uint64_t held = 0;                                              // a deployment
  std::function<std::optional<Error>(std::uint64_t deployment)> gate;  // asked instead, where there is one
  unsigned opened = 0;
  unsigned opens_that_fail = 0;
  unsigned reboots = 0;
  unsigned trials = 0;
  unsigned troubles = 0;
  bool accept_at_once = true;
  std::optional<Error> abandon_fails;
  bool slot_is_gone = false;
  bool slot_has_bad_block = false;
  bool reset_by_watchdog = false;
  storage::Power power;
  storage::SimExt4 state_partition{power};
  SimStateFiles files{state_partition};
  boot::FakeControl boot{{"A", "B"}};
  FakeClock clock;
  SharedSwitches* switches = nullptr;  // of slots that exist once, where there are any
  Updater* updater = nullptr;
};

class UpdaterTest : public testing::Test {
 protected:
  void boot(const std::string& group) { boot_into_trouble(group, std::nullopt); }
  void boot_into_trouble(const std::string& group, std::optional<ErrorCode> trouble) {
    UpdaterConfig config{.product = "lab-gateway", .hardware = "rev-a", .booted = group, .boot_id = std::to_string(++boots_)};
    config.workers = 1;
    config.reset_by_watchdog = bench_.reset_by_watchdog;
    updater_.emplace(config, UpdaterSeams{bench_, bench_, bench_.boot, bench_.files, bench_.clock, bench_});
    bench_.updater = &*updater_;
    bench_.told.clear();
    const auto started = updater_->start();
    ASSERT_EQ(started ? 0 : started.error().code.number, trouble ? trouble->number : 0);
    updater_->run();
  }
  void install(const std::string& version, std::uint64_t deployment = 0) {
    ASSERT_TRUE(updater_->offer(version, deployment));
    updater_->run();
  }
  update::Phase phase() { return updater_->status().state.phase; }
  std::uint64_t error() { return updater_->status().state.error; }
  boot::SlotState first() { return bench_.boot.state.order.front(); }

  Bench bench_;
  std::optional<Updater> updater_;
  unsigned boots_ = 0;
};

}  // namespace aloft::agent::test
