#include "boot/grub.hpp"

#include <gtest/gtest.h>

#include "boot/errors.hpp"
#include "boot/fake.hpp"
#include "boot/grub_rauc.hpp"
#include "boot/test_loader.hpp"

namespace aloft::boot {
namespace {

// grubenv with this content.
class Block {
 public:
  explicit Block(std::string content) {
    (void)storage.region("grubenv", content.size());
    storage.contents["grubenv"] = std::move(content);
  }
  GrubControl control(std::vector<std::string> slots) { return {storage.region("grubenv", content().size()), std::move(slots)}; }
  const std::string& content() { return storage.contents["grubenv"]; }
  test::MemoryStorage storage;
};

// Takes writes and forgets them.
class ForgetfulRegion final : public Region {
 public:
  explicit ForgetfulRegion(std::string content) : content_(std::move(content)) {}
  Result<std::string> read() override { return content_; }
  Result<> write(std::uint64_t, std::string_view) override { return {}; }
  Result<> create(std::string_view) override { return {}; }
  Result<> check_writable() override { return {}; }

 private:
  std::string content_;
};

std::string block_of(std::string_view lines) {
  std::string block = "# GRUB Environment Block\n" + std::string(lines);
  block.resize(kGrubEnvBytes, '#');
  return block;
}

TEST(GrubEnv, WritesWhatGrubEditenvWrites) {
  EXPECT_EQ(*format_grub_env({{"ORDER", "B A"}, {"B_STATE", "3"}}, 2), block_of("ORDER=B A\nB_STATE=3\n"));
}

TEST(GrubEnv, EscapesSurvive) {
  const GrubVariables variables = {{"odd", "a\\b\nc"}};
  EXPECT_EQ(*parse_grub_env(*format_grub_env(variables, 1)), variables);
}

TEST(GrubEnv, RefusesWhatIsNoBlock) {
  EXPECT_FALSE(parse_grub_env(""));
  EXPECT_FALSE(parse_grub_env(std::string(kGrubEnvBytes, '#')));
  EXPECT_FALSE(parse_grub_env(block_of("") + "#"));
}

TEST(GrubEnv, AnUnfinishedLineIsNoVariable) {
  std::string block = block_of("");
  block.replace(1000, 24, "\nORDER=AAAAAAAAAAAAAAAAA");
  EXPECT_TRUE(parse_grub_env(block)->empty());
}

TEST(GrubControl, OneChangeIsOneSectorWrite) {
  Block block(block_of("ORDER=A B\nA_STATE=good\nB_STATE=0\n"));
  ASSERT_TRUE(block.control({"A", "B"}).arm("B", 3));
  EXPECT_EQ(block.storage.writes, 1U);
  EXPECT_EQ(block.content(), block_of("ORDER=B A\nB_STATE=3\nA_STATE=good\n"));
}

TEST(GrubControl, KeepsForeignVariablesThatFit) {
  Block block(block_of("saved_entry=2\nORDER=A B\nA_STATE=good\nB_STATE=0\nlong=" + std::string(400, 'x') + "\nshort=1\n"));
  ASSERT_TRUE(block.control({"A", "B"}).arm("B", 3));
  EXPECT_EQ(block.content(), block_of("ORDER=B A\nB_STATE=3\nA_STATE=good\nsaved_entry=2\nlong=" + std::string(400, 'x') + "\nshort=1\n"));
  Block longer(block_of("ORDER=A B\nA_STATE=good\nB_STATE=0\nlong=" + std::string(700, 'x') + "\n"));
  ASSERT_TRUE(longer.control({"A", "B"}).arm("B", 3));
  EXPECT_EQ(longer.content(), block_of("ORDER=B A\nB_STATE=3\nA_STATE=good\n"));
}

TEST(GrubControl, AWriteThatDoesNotStickIsAnError) {
  GrubControl control(std::make_unique<ForgetfulRegion>(block_of("ORDER=A B\nA_STATE=good\nB_STATE=0\n")), {"A", "B"});
  EXPECT_EQ(control.arm("B", 3).error().code.number, kBootStateWrite.number);
}

TEST(GrubControl, WhatGrubWouldNotBootIsBad) {
  Block block(block_of("ORDER=X B A B\nA_STATE=godd\nB_STATE=12\n"));
  const BootState state = *block.control({"A", "B", "C"}).read();
  ASSERT_EQ(state.order.size(), 3U);
  for (const SlotState& slot : state.order) EXPECT_EQ(slot.health, SlotHealth::bad) << slot.name;
  EXPECT_EQ(state.order[0].name, "B");
}

TEST(GrubControl, WithoutAnyOrderItIsCorrupt) {
  Block block(block_of("A_STATE=good\n"));
  EXPECT_EQ(block.control({"A", "B"}).read().error().code.number, kBootStateCorrupt.number);
}

TEST(GrubRauc, ReadsAndWritesTheVariablesOfRauc) {
  Block block(block_of("ORDER=A B\nA_OK=1\nA_TRY=1\nB_OK=0\nB_TRY=0\nsaved=1\n"));
  GrubRaucControl control(block.storage.region("grubenv", kGrubEnvBytes), {"A", "B"});
  ASSERT_TRUE(control.confirm("A"));
  EXPECT_EQ(block.content(), block_of("ORDER=A B\nA_OK=1\nA_TRY=0\nB_OK=0\nB_TRY=0\nsaved=1\n"));
  ASSERT_TRUE(control.arm("B", 1));
  EXPECT_EQ(block.content(), block_of("ORDER=B A\nB_OK=1\nB_TRY=0\nA_OK=1\nA_TRY=0\naloft_trial=B\nsaved=1\n"));
  ASSERT_TRUE(control.commit("B"));
  EXPECT_EQ(block.content(), block_of("ORDER=B A\nB_OK=1\nB_TRY=0\nA_OK=1\nA_TRY=0\nsaved=1\n"));
  ASSERT_TRUE(control.mark_bad("A"));
  EXPECT_EQ(block.content(), block_of("ORDER=B A\nB_OK=1\nB_TRY=0\nA_OK=0\nA_TRY=0\nsaved=1\n"));
}

TEST(GrubRauc, ATrialThatUsedItsBootIsNeverTakenForCommitted) {
  Block block(block_of("ORDER=B A\nB_OK=1\nB_TRY=1\nA_OK=1\nA_TRY=0\naloft_trial=B\n"));
  GrubRaucControl control(block.storage.region("grubenv", kGrubEnvBytes), {"A", "B"});
  EXPECT_EQ(control.read()->order[0].health, SlotHealth::bad);
  ASSERT_TRUE(control.confirm("B"));
  EXPECT_EQ(block.storage.writes, 0U);
}

TEST(Walk, CountsTriesAndFallsBack) {
  FakeControl control({"A", "B"});
  ASSERT_TRUE(control.arm("B", 2));
  const auto loads = [](const std::string&) { return true; };
  EXPECT_EQ(walk(control.state, loads), "B");
  EXPECT_EQ(walk(control.state, loads), "B");
  EXPECT_EQ(walk(control.state, loads), "A");
  EXPECT_EQ(control.state.order[0].name, "B");
}

TEST(Walk, AKernelThatDoesNotLoadIsPassedOver) {
  FakeControl control({"A", "B"});
  ASSERT_TRUE(control.arm("B", 2));
  EXPECT_EQ(walk(control.state, [](const std::string& slot) { return slot == "A"; }), "A");
  EXPECT_EQ(walk(control.state, [](const std::string&) { return false; }), std::nullopt);
}

}  // namespace
}  // namespace aloft::boot
