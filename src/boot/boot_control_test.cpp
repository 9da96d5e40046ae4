// The contract of boot control, for every boot loader and for the fake.
#include "boot/boot_control.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "base/file.hpp"
#include "boot/custom.hpp"
#include "boot/errors.hpp"
#include "boot/fake.hpp"
#include "boot/order.hpp"
#include "boot/test_loaders.hpp"

namespace aloft::boot {
namespace {

using test::always;

// The fake, told in the same words.
class FakeLoader final : public test::TestLoader {
 public:
  FakeLoader(test::TestStorage&, std::vector<std::string> slots) : fake_(std::make_shared<FakeControl>(std::move(slots))) {}
  std::unique_ptr<BootControl> control() override { return std::make_unique<Shared>(fake_); }
  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override { return walk(fake_->state, loads); }
  void corrupt() override { fake_->corrupt = true; }

 private:
  class Shared final : public BootControl {
   public:
    explicit Shared(std::shared_ptr<FakeControl> fake) : fake_(std::move(fake)) {}
    unsigned max_tries() const override { return fake_->max_tries(); }
    Result<BootState> read() override { return fake_->read(); }
    Result<std::optional<std::string>> booted() override { return fake_->booted(); }
    Result<> arm(std::string_view slot, unsigned tries) override { return fake_->arm(slot, tries); }
    Result<> commit(std::string_view slot) override { return fake_->commit(slot); }
    Result<> mark_bad(std::string_view slot) override { return fake_->mark_bad(slot); }
    Result<> confirm(std::string_view booted) override { return fake_->confirm(booted); }
    Result<> rebuild(std::string_view booted) override { return fake_->rebuild(booted); }
    Result<std::vector<std::string>> examine(Probe probe) override { return fake_->examine(probe); }
    Result<std::optional<std::string>> restart_argument() override { return std::nullopt; }
    bool trial_needs_argument() const override { return false; }

   private:
    std::shared_ptr<FakeControl> fake_;
  };
  std::shared_ptr<FakeControl> fake_;
};

class BootControlContract : public ::testing::TestWithParam<test::NamedLoader> {
 protected:
  void SetUp() override {
    slots_.resize(GetParam().most_slots);
    loader_ = GetParam().make(storage_, slots_);
    control_ = loader_->control();
    ASSERT_TRUE(control_->rebuild("A"));
    tries_ = std::min(3U, control_->max_tries());
  }
  // What may be booted, in order, and then what may not: "B:3 A:good / C".
  std::string shown() {
    const auto state = loader_->control()->read();  // not control_: what it remembers is no state
    if (!state) return std::string(state.error().code.name);
    std::string text;
    std::vector<std::string> bad;
    for (const SlotState& slot : state->order) {
      if (slot.health == SlotHealth::bad) {
        bad.push_back(slot.name);
      } else {
        text += slot.name + ":" + (slot.health == SlotHealth::committed ? "good" : std::to_string(slot.tries_left)) + " ";
      }
    }
    std::ranges::sort(bad);
    text += "/";
    for (const std::string& name : bad) text += " " + name;
    return text;
  }
  std::string tries() const { return std::to_string(tries_); }
  std::string first() { return test::must(loader_->control()->read()).order.front().name; }
  // The state in words, with C among the bad where there is a C.
  std::string state(const std::string& text) const { return text + (slots_.size() > 2 ? " C" : ""); }

  std::optional<std::string> started(const std::function<bool(const std::string&)>& loads = always) {
    loader_->restart(loader_->control()->restart_argument().value_or(std::nullopt));
    return loader_->boot(loads);
  }
  // The boot loader's own word must be what it booted; then the agent comes up and confirms.
  std::string boot(const std::function<bool(const std::string&)>& loads = always) {
    const auto slot = started(loads);
    if (!slot) return "";
    if (const auto said = loader_->control()->booted(); said && *said) {
      EXPECT_EQ(**said, *slot);
    }
    EXPECT_TRUE(loader_->control()->confirm(*slot));
    return *slot;
  }

  std::vector<std::string> slots_ = {"A", "B", "C"};
  test::MemoryStorage storage_;
  std::unique_ptr<test::TestLoader> loader_;
  std::unique_ptr<BootControl> control_;
  unsigned tries_ = 0;
};

TEST_P(BootControlContract, StartsWithTheRunningSlotCommitted) {
  EXPECT_EQ(shown(), state("A:good / B"));
  EXPECT_EQ(boot(), "A");
}

TEST_P(BootControlContract, ArmingPutsASlotFirstOnTrial) {
  ASSERT_TRUE(control_->arm("B", tries_));
  EXPECT_EQ(shown(), state("B:" + tries() + " A:good /"));
  ASSERT_TRUE(control_->arm("B", 1));
  EXPECT_EQ(shown(), state("B:1 A:good /"));
}

TEST_P(BootControlContract, ArmingAnotherSlotPutsThatFirst) {
  if (slots_.size() < 3) return;  // there is no other
  ASSERT_TRUE(control_->arm("B", 1));
  ASSERT_TRUE(control_->arm("C", 1));
  const BootState state = test::must(control_->read());
  EXPECT_EQ(state.order.front().name, "C");
  EXPECT_EQ(find_slot(state, "A")->health, SlotHealth::committed);
  EXPECT_NE(find_slot(state, "B")->health, SlotHealth::committed);
  EXPECT_EQ(boot(), "C");
}

TEST_P(BootControlContract, CommittingEndsTheTrial) {
  ASSERT_TRUE(control_->arm("B", tries_));
  EXPECT_EQ(boot(), "B");
  ASSERT_TRUE(control_->commit("B"));
  EXPECT_EQ(shown(), state("B:good A:good /"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(boot(), "B");
    EXPECT_EQ(shown(), state("B:good A:good /"));
  }
}

TEST_P(BootControlContract, ATrialIsBootedSoManyTimesAndNotOnceMore) {
  ASSERT_TRUE(control_->arm("B", tries_));
  for (unsigned i = 0; i < tries_; ++i) EXPECT_EQ(boot(), "B");
  EXPECT_EQ(boot(), "A");
  EXPECT_EQ(shown(), state("A:good / B"));
  EXPECT_EQ(boot(), "A");
}

TEST_P(BootControlContract, EachBootOfATrialIsSeenInTheCounter) {
  ASSERT_TRUE(control_->arm("B", tries_));
  EXPECT_EQ(boot(), "B");
  const BootState state = test::must(control_->read());
  const SlotState* slot = find_slot(state, "B");
  ASSERT_TRUE(slot);
  if (tries_ == 1) {
    EXPECT_EQ(slot->health, SlotHealth::bad);
  } else {
    EXPECT_EQ(slot->health, SlotHealth::trial);
    EXPECT_EQ(slot->tries_left, tries_ - 1);
  }
}

TEST_P(BootControlContract, UsedUpTriesAreToldFromASlotThatWasNeverArmed) {
  ASSERT_TRUE(control_->arm("B", tries_));
  for (unsigned i = 0; i <= tries_; ++i) boot();
  EXPECT_EQ(first(), "B");
  ASSERT_TRUE(control_->mark_bad("B"));
  EXPECT_EQ(first(), "A");
}

TEST_P(BootControlContract, ASlotThatDoesNotLoadIsPassedOver) {
  ASSERT_TRUE(control_->arm("B", tries_));
  EXPECT_EQ(boot([](const std::string& slot) { return slot == "A"; }), "A");
}

TEST_P(BootControlContract, ACommittedSlotThatDoesNotLoadIsPassedOverForAnotherOne) {
  // What starts these does not go on from a committed slot.
  if (std::set<std::string_view>{"Android", "Tryboot", "SystemdBoot", "BootGuard"}.contains(GetParam().name)) return;
  ASSERT_TRUE(control_->commit("B"));
  const auto only_a = [](const std::string& slot) { return slot == "A"; };
  EXPECT_EQ(boot(only_a), "A");
  ASSERT_TRUE(control_->commit("B")) << "some count its boots, too";
  ASSERT_TRUE(control_->mark_bad("A"));
  EXPECT_EQ(started(only_a), std::nullopt) << "it is bad";
}

TEST_P(BootControlContract, ABadSlotIsNotBooted) {
  ASSERT_TRUE(control_->arm("B", tries_));
  ASSERT_TRUE(control_->mark_bad("B"));
  EXPECT_EQ(shown(), state("A:good / B"));
  EXPECT_EQ(first(), "A");
  ASSERT_TRUE(control_->mark_bad("B"));
  EXPECT_EQ(shown(), state("A:good / B"));
  EXPECT_EQ(boot(), "A");
}

TEST_P(BootControlContract, ACommittedSlotCanBeTakenOut) {
  ASSERT_TRUE(control_->commit("B"));
  ASSERT_TRUE(control_->mark_bad("A"));
  EXPECT_EQ(shown(), state("B:good / A"));
  EXPECT_EQ(boot(), "B");
}

TEST_P(BootControlContract, TheLastCommittedSlotIsNeverMarkedBad) {
  ASSERT_TRUE(control_->arm("B", tries_));
  EXPECT_EQ(control_->mark_bad("A").error().code.number, kNoOtherSlot.number);
  EXPECT_EQ(shown(), state("B:" + tries() + " A:good /"));
}

TEST_P(BootControlContract, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(control_->arm("D", 1).error().code.number, kUnknownSlot.number);
  EXPECT_EQ(control_->commit("").error().code.number, kUnknownSlot.number);
  EXPECT_EQ(control_->mark_bad("a").error().code.number, kUnknownSlot.number);
  EXPECT_EQ(control_->arm("B", 0).error().code.number, kBadTries.number);
  EXPECT_EQ(control_->arm("B", control_->max_tries() + 1).error().code.number, kBadTries.number);
  EXPECT_EQ(shown(), state("A:good / B"));
}

TEST_P(BootControlContract, ConfirmingChangesNothingElse) {
  ASSERT_TRUE(control_->arm("B", tries_));
  const std::string before = shown();
  for (const std::string& slot : slots_) {
    ASSERT_TRUE(loader_->control()->confirm(slot));
    EXPECT_EQ(shown(), before) << slot;
  }
}

// Where committed slots are counted too: as many power cuts before the agent was up as there are attempts.
TEST_P(BootControlContract, ACommittedSlotThatRanOutIsConfirmedAsWell) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(loader_->boot(always), "A");
  ASSERT_TRUE(loader_->control()->confirm("A"));
  EXPECT_EQ(shown(), state("A:good / B"));
}

TEST_P(BootControlContract, ConfirmingWritesNothingWhereNothingIsToChange) {
  EXPECT_EQ(boot(), "A");
  ASSERT_TRUE(control_->confirm("A"));
  const unsigned writes = storage_.writes;
  ASSERT_TRUE(control_->confirm("A"));
  ASSERT_TRUE(loader_->control()->confirm("A"));
  EXPECT_EQ(storage_.writes, writes);
}

TEST_P(BootControlContract, CorruptionIsSaidAndMended) {
  ASSERT_TRUE(control_->arm("B", tries_));
  loader_->corrupt();
  EXPECT_EQ(shown(), "boot-state-corrupt");
  EXPECT_EQ(control_->commit("B").error().code.number, kBootStateCorrupt.number);
  EXPECT_FALSE(control_->examine(Probe::look));
  ASSERT_TRUE(control_->rebuild("B"));
  EXPECT_EQ(shown(), state("B:good / A"));
  EXPECT_EQ(boot(), "B");
}

// Some boot loaders write a state of their own then, which says of every slot that it may be booted.
TEST_P(BootControlContract, AStateThatTheBootLoaderMakesUpIsStillALostOne) {
  ASSERT_TRUE(control_->arm("B", tries_));
  ASSERT_TRUE(control_->mark_bad("B"));
  loader_->corrupt();
  EXPECT_NE(started(), "B");
  EXPECT_EQ(shown(), "boot-state-corrupt");
  ASSERT_TRUE(loader_->control()->rebuild("A"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(boot(), "A");
  EXPECT_EQ(shown(), state("A:good / B"));
}

TEST_P(BootControlContract, ExaminingChangesNothing) {
  ASSERT_TRUE(control_->arm("B", tries_));
  const unsigned writes = storage_.writes;
  EXPECT_TRUE(control_->examine(Probe::look));
  EXPECT_EQ(storage_.writes, writes);
  EXPECT_TRUE(control_->examine(Probe::rewrite));
  EXPECT_EQ(shown(), state("B:" + tries() + " A:good /"));
}

using Change = Result<> (*)(BootControl& control);
Result<> arm(BootControl& control) { return control.arm("B", std::min(3U, control.max_tries())); }
Result<> commit(BootControl& control) { return control.commit("B"); }
Result<> mark_bad(BootControl& control) { return control.mark_bad("B"); }

// Of those whose state lies in a MemoryStorage.
class BootControlWrites : public BootControlContract {
 protected:
  unsigned writes_of(Change change) {
    const unsigned before = storage_.writes;
    EXPECT_TRUE(change(*loader_->control()));
    return storage_.writes - before;
  }
  Result<> on(test::Medium medium, Change change) {
    storage_.medium = medium;
    auto done = change(*loader_->control());
    storage_.medium = test::Medium::sound;
    return done;
  }
};

TEST_P(BootControlWrites, AreAsManyAsTheManualSays) {
  struct Writes {
    unsigned arm, commit, mark_bad;
  };
  constexpr Writes kOne{1, 1, 1};
  // docs/boot-control.md. More than one where there are copies, variables, or files that are made.
  static const std::map<std::string_view, Writes> kWrites = {
      {"Grub", kOne},
      {"GrubRauc", kOne},
      {"GrubRaucScript", kOne},
      {"UbootOrder", kOne},
      {"UbootRaucScript", kOne},
      {"UbootBootcount", kOne},
      {"Tryboot", kOne},
      {"Android", {2, 2, 2}},  // the record and its backup
      {"Barebox", {3, 3, 3}},
      {"Uefi", {2, 2, 2}},         // BootNext, mark; BootOrder, mark; mark, BootNext
      {"SystemdBoot", {2, 3, 1}},  // blank file, its sector; the same, and the counted one made blank; that
      {"BootGuard", kOne},
  };
  const Writes& expected = kWrites.at(GetParam().name);
  ASSERT_TRUE(control_->commit("B"));  // so that an entry of its own is there, where there are such
  ASSERT_TRUE(control_->commit("A"));
  ASSERT_TRUE(control_->mark_bad("B"));
  EXPECT_EQ(writes_of(arm), expected.arm);
  EXPECT_EQ(boot(), "B");
  EXPECT_EQ(writes_of(commit), expected.commit);
  ASSERT_TRUE(control_->commit("A"));
  ASSERT_TRUE(arm(*control_));
  EXPECT_EQ(writes_of(mark_bad), expected.mark_bad);
}

TEST_P(BootControlWrites, ThatAMediumLosesAreNoticed) {
  EXPECT_EQ(on(test::Medium::loses, arm).error().code.number, kBootStateWrite.number);
  EXPECT_EQ(shown(), state("A:good / B"));
  EXPECT_EQ(boot(), "A");
  ASSERT_TRUE(arm(*control_)) << "the medium is sound again";
  EXPECT_EQ(on(test::Medium::loses, mark_bad).error().code.number, kBootStateWrite.number);
  EXPECT_EQ(boot(), "B");
  EXPECT_EQ(on(test::Medium::loses, commit).error().code.number, kBootStateWrite.number);
  for (unsigned i = 0; i < tries_; ++i) boot();
  EXPECT_EQ(boot(), "A") << "B was never committed";
}

TEST_P(BootControlWrites, ThatAMediumGarblesAreNoticed) {
  EXPECT_EQ(on(test::Medium::garbles, arm).error().code.number, kBootStateWrite.number);
  EXPECT_EQ(started(), "A");
}

// Where there is one copy only, a boot loader without it starts its first slot.
TEST_P(BootControlWrites, ThatAMediumGarblesCostNoStateThatHasCopies) {
  if (std::set<std::string_view>{"Grub", "GrubRauc", "GrubRaucScript", "Tryboot"}.contains(GetParam().name)) return;
  ASSERT_TRUE(commit(*control_));
  ASSERT_TRUE(control_->mark_bad("A"));
  EXPECT_EQ(on(test::Medium::garbles, [](BootControl& control) { return control.arm("A", 1); }).error().code.number,
            kBootStateWrite.number);
  EXPECT_EQ(shown(), state("B:good / A"));
  EXPECT_EQ(boot(), "B");
}

// The executable of integration/, and a boot loader that reads its file.
class CustomLoader final : public test::TestLoader {
 public:
  CustomLoader(test::TestStorage&, std::vector<std::string> slots) : slots_(std::move(slots)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-custom-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const std::string script = "#!/bin/sh\nALOFT_BOOT_STATE='" + (folder_ / "state").string() +
                               "' exec " ALOFT_SOURCE_DIR "/integration/bootloader/custom/aloft-boot \"$@\"\n";
    EXPECT_TRUE(replace_file(folder_ / "run", script, 0755));
  }
  ~CustomLoader() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<BootControl> control() override {
    return std::make_unique<CustomControl>((folder_ / "run").string(), std::chrono::seconds(20), slots_, 9);
  }
  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override {
    std::map<std::string, std::string> lines;
    std::ifstream file(folder_ / "state");
    for (std::string line; std::getline(file, line);) lines[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    const std::string trial = lines["TRIAL"].substr(0, lines["TRIAL"].find(':'));
    unsigned tries = trial.empty() ? 0 : static_cast<unsigned>(lines["TRIAL"].back() - '0');
    for (const std::string& slot : words(lines["ORDER"])) {
      if (slot == trial) {
        if (tries == 0) continue;
        lines["TRIAL"] = slot + ":" + std::to_string(--tries);
        std::ofstream(folder_ / "state") << "ORDER=" << lines["ORDER"] << "\nCOMMITTED=" << lines["COMMITTED"]
                                         << "\nTRIAL=" << lines["TRIAL"] << "\n";
      } else if (!(" " + lines["COMMITTED"] + " ").contains(" " + slot + " ")) {
        continue;
      }
      if (loads(slot)) return slot;
    }
    return std::nullopt;
  }
  void corrupt() override { std::filesystem::resize_file(folder_ / "state", 0); }

 private:
  std::vector<std::string> slots_;
  std::filesystem::path folder_;
};

std::string name_of(const ::testing::TestParamInfo<test::NamedLoader>& tested) { return tested.param.name; }

INSTANTIATE_TEST_SUITE_P(All, BootControlContract, ::testing::ValuesIn(test::kLoaders), name_of);
INSTANTIATE_TEST_SUITE_P(Weak, BootControlContract, ::testing::ValuesIn(test::kWeakLoaders), name_of);
INSTANTIATE_TEST_SUITE_P(All, BootControlWrites, ::testing::ValuesIn(test::kLoaders), name_of);
INSTANTIATE_TEST_SUITE_P(Weak, BootControlWrites, ::testing::ValuesIn(test::kWeakLoaders), name_of);
INSTANTIATE_TEST_SUITE_P(Custom, BootControlContract, ::testing::Values(test::NamedLoader{"Custom", test::make_loader<CustomLoader>}),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Fake, BootControlContract, ::testing::Values(test::NamedLoader{"Fake", test::make_loader<FakeLoader>}), name_of);

}  // namespace
}  // namespace aloft::boot
