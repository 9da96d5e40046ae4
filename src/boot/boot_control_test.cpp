// The contract of boot control, for GRUB (over a file) and for the fake.
#include "boot/boot_control.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/file.hpp"
#include "boot/errors.hpp"
#include "boot/fake.hpp"
#include "boot/grub.hpp"

namespace aloft::boot {
namespace {

const std::vector<std::string> kSlots = {"A", "B", "C"};

class Subject {
 public:
  virtual ~Subject() = default;
  virtual BootControl& control() = 0;
  virtual void corrupt() = 0;
};

class GrubSubject final : public Subject {
 public:
  GrubSubject() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-boot-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    file_ = std::make_unique<EnvFile>(folder_ / "grubenv");
    control_ = std::make_unique<GrubControl>(*file_, kSlots);
    EXPECT_TRUE(control_->rebuild("A"));
  }
  ~GrubSubject() override { std::filesystem::remove_all(folder_); }
  BootControl& control() override { return *control_; }
  void corrupt() override { EXPECT_TRUE(replace_file(folder_ / "grubenv", std::string(kGrubEnvBytes, '\0'))); }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<EnvFile> file_;
  std::unique_ptr<GrubControl> control_;
};

class FakeSubject final : public Subject {
 public:
  BootControl& control() override { return fake_; }
  void corrupt() override { fake_.corrupt = true; }

 private:
  FakeControl fake_{kSlots};
};

class BootControlContract : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "grub") {
      subject_ = std::make_unique<GrubSubject>();
    } else {
      subject_ = std::make_unique<FakeSubject>();
    }
  }
  std::string shown() {
    std::string text;
    const auto state = subject_->control().read();
    if (!state) return std::string(state.error().code.name);
    for (const SlotState& slot : state->order) {
      text += (text.empty() ? "" : " ") + slot.name + ":";
      text += slot.health == SlotHealth::committed ? "good" : std::to_string(slot.tries_left);
    }
    return text;
  }
  std::unique_ptr<Subject> subject_;
};

TEST_P(BootControlContract, StartsWithTheRunningSlotCommitted) { EXPECT_EQ(shown(), "A:good B:0 C:0"); }

TEST_P(BootControlContract, ArmingPutsASlotFirstOnTrial) {
  ASSERT_TRUE(subject_->control().arm("B", 3));
  EXPECT_EQ(shown(), "B:3 A:good C:0");
  ASSERT_TRUE(subject_->control().arm("C", 1));
  EXPECT_EQ(shown(), "C:1 B:3 A:good");
}

TEST_P(BootControlContract, CommittingEndsTheTrial) {
  ASSERT_TRUE(subject_->control().arm("B", 3));
  ASSERT_TRUE(subject_->control().commit("B"));
  EXPECT_EQ(shown(), "B:good A:good C:0");
}

TEST_P(BootControlContract, ABadSlotGoesLast) {
  ASSERT_TRUE(subject_->control().arm("B", 3));
  ASSERT_TRUE(subject_->control().mark_bad("B"));
  EXPECT_EQ(shown(), "A:good C:0 B:0");
  ASSERT_TRUE(subject_->control().mark_bad("B"));
  EXPECT_EQ(shown(), "A:good C:0 B:0");
}

TEST_P(BootControlContract, TheLastCommittedSlotIsNeverMarkedBad) {
  ASSERT_TRUE(subject_->control().arm("B", 3));
  EXPECT_EQ(subject_->control().mark_bad("A").error().code.number, kNoOtherSlot.number);
  EXPECT_EQ(shown(), "B:3 A:good C:0");
}

TEST_P(BootControlContract, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(subject_->control().arm("D", 3).error().code.number, kUnknownSlot.number);
  EXPECT_EQ(subject_->control().commit("").error().code.number, kUnknownSlot.number);
  EXPECT_EQ(subject_->control().mark_bad("a").error().code.number, kUnknownSlot.number);
  EXPECT_EQ(subject_->control().arm("B", 0).error().code.number, kBadTries.number);
  EXPECT_EQ(subject_->control().arm("B", 10).error().code.number, kBadTries.number);
  EXPECT_EQ(shown(), "A:good B:0 C:0");
}

TEST_P(BootControlContract, CorruptionIsSaidAndMended) {
  ASSERT_TRUE(subject_->control().arm("B", 3));
  subject_->corrupt();
  EXPECT_EQ(shown(), "boot-state-corrupt");
  EXPECT_EQ(subject_->control().commit("B").error().code.number, kBootStateCorrupt.number);
  ASSERT_TRUE(subject_->control().rebuild("B"));
  EXPECT_EQ(shown(), "B:good A:0 C:0");
}

INSTANTIATE_TEST_SUITE_P(All, BootControlContract, ::testing::Values("grub", "fake"), [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace aloft::boot
