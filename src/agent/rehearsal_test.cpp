#include "agent/rehearsal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/test_machine.hpp"
#include "bundle/errors.hpp"
#include "update/errors.hpp"

namespace aloft::agent {
namespace {

using test::Fault;
using test::Hardware;
using test::Layout;

// A device at rest; nobody may open a slot for writing.
class Shelf final : public Slots {
 public:
  explicit Shelf(Hardware& hardware) : hardware_(hardware) {}
  std::vector<std::string> groups() const override { return hardware_.layout.groups; }
  Result<std::map<std::string, SlotFacts>> facts(const std::string& group) override {
    Hardware::Group& found = hardware_.slots.at(group);
    if (group == hardware_.layout.recovery) return std::map<std::string, SlotFacts>{{"recovery", {"raw", found.rootfs.size_bytes()}}};
    return std::map<std::string, SlotFacts>{{"rootfs", {"raw", found.rootfs.size_bytes()}}, {"boot", {"raw", found.boot.size_bytes()}}};
  }
  Result<storage::Target> open(const std::string&, const bundle::Image&) override {
    ADD_FAILURE() << "a slot is opened for writing";
    return fail(bundle::kNoSlot, "not here");
  }

 private:
  Hardware& hardware_;
};

class RehearsalTest : public ::testing::Test {
 protected:
  void make(const Layout& layout) {
    hardware.emplace(power, boot::test::kLoaders[0], Fault::none, layout);
    facts = {.product = "lab-gateway",
             .hardware = "rev-a",
             .booted = "A",
             .recovery = layout.recovery,
             .floor = 11,
             .last = {},
             .boot = *hardware->loader()->control()->read(),
             .device_of = [](const std::string& group, const std::string& slot_class) { return "/dev/" + group + slot_class; }};
  }

  // Rehearses, and sees that not a byte of slots, state and boot state has changed.
  Rehearsal rehearsed(const std::string& version) {
    test::MemoryBundle bundle(test::releases().at(version).bundle, test::releases().trust());
    test::Fingerprint before;
    hardware->add_to(before);
    const SlotLook look = [this](const std::string& group, const bundle::Image& image, std::uint64_t offset,
                                 MutableByteView out) -> Result<bool> {
      TRY(hardware->slots.at(group).of(image.slot_class).read(offset, out));
      return true;
    };
    Shelf shelf(*hardware);
    auto plan = rehearse(facts, bundle, shelf, look);
    test::Fingerprint after;
    hardware->add_to(after);
    EXPECT_EQ(before.value(), after.value()) << "something was written";
    return test::must(std::move(plan));
  }

  storage::Power power;
  std::optional<Hardware> hardware;
  RehearsalFacts facts;
};

std::vector<int> numbers(const Rehearsal& plan) {
  std::vector<int> found;
  for (const Error& error : plan.obstacles) found.push_back(error.code.number);
  return found;
}

TEST_F(RehearsalTest, SaysWhatWouldBeWrittenWhere) {
  make(test::kTwoGroups);
  const Rehearsal plan = rehearsed("2");
  EXPECT_THAT(plan.obstacles, ::testing::IsEmpty()) << text_of(plan);
  EXPECT_EQ(plan.target, "B");
  ASSERT_EQ(plan.images.size(), 2U);
  const ImageRehearsal& rootfs = plan.images[0];
  EXPECT_EQ(rootfs.slot, "B.rootfs");
  EXPECT_EQ(rootfs.device, "/dev/Brootfs");
  EXPECT_EQ(rootfs.frames, 4U);
  EXPECT_EQ(rootfs.frames_in_place, 2U) << "releases have a frame of zeros in common, and the last";
  EXPECT_EQ(rootfs.write_bytes, 2U * bundle::kMinFrameBytes);
  EXPECT_GT(rootfs.fetch_bytes, 0U);
  EXPECT_THAT(plan.boot_changes.front(), ::testing::HasSubstr("B is marked bad"));
  EXPECT_EQ(to_json(plan)["would_install"], true);
}

TEST_F(RehearsalTest, FindsEverythingInPlaceThatIs) {
  make(test::kTwoGroups);
  const Rehearsal plan = rehearsed("0");
  EXPECT_EQ(plan.images[0].frames_in_place, plan.images[0].frames);
  EXPECT_EQ(plan.images[0].fetch_bytes + plan.images[1].fetch_bytes, 0U);
  EXPECT_EQ(numbers(plan), std::vector<int>{bundle::kBelowFloor.number}) << "and says that it is too old all the same";
}

TEST_F(RehearsalTest, NamesEveryObstacle) {
  make(test::kTwoGroups);
  facts.product = "other";
  facts.last.phase = update::Phase::installing;
  facts.boot.order.front().health = boot::SlotHealth::trial;
  const Rehearsal plan = rehearsed("2");
  EXPECT_THAT(numbers(plan), ::testing::UnorderedElementsAre(bundle::kWrongProduct.number, update::kNotNow.number, update::kNotNow.number));
  EXPECT_EQ(to_json(plan)["would_install"], false);
}

TEST_F(RehearsalTest, TheThirdGroupSparesWhatWouldBeFallenBackTo) {
  make(test::kThreeGroups);
  EXPECT_EQ(rehearsed("2").target, "C") << "A runs, B is the next in the order";
  facts.boot.order[1].health = boot::SlotHealth::bad;
  EXPECT_EQ(rehearsed("2").target, "B") << "it is bad, so nothing is lost by it";
}

TEST_F(RehearsalTest, TheRecoverySystemInstallsTheNormalOne) {
  make(test::kNormalAndRecovery);
  const Rehearsal plan = rehearsed("2");
  EXPECT_THAT(plan.obstacles, ::testing::IsEmpty()) << text_of(plan);
  EXPECT_EQ(plan.target, "A");
  EXPECT_THAT(plan.boot_changes.front(), ::testing::HasSubstr("B, the recovery system, is armed"));
  EXPECT_EQ(rehearsed("1-recovery-next").target, "B") << "which the normal one installs";
  facts.boot.order[1].health = boot::SlotHealth::bad;
  EXPECT_EQ(numbers(rehearsed("2")), std::vector<int>{update::kNoRecovery.number});
}

TEST_F(RehearsalTest, TheRecoverySystemCannotReplaceItself) {
  make(test::kNormalAndRecovery);
  facts.booted = "B";
  EXPECT_EQ(rehearsed("2").target, "A");
  EXPECT_EQ(numbers(rehearsed("1-recovery-next")), std::vector<int>{bundle::kNoSlot.number});
}

}  // namespace
}  // namespace aloft::agent
