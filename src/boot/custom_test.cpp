#include "boot/custom.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/file.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

using testing::HasSubstr;

const std::vector<std::string> kSlots = {"A", "B"};

TEST(CustomAnswer, IsReadAsDocumented) {
  const auto state = parse_custom_state(
      R"({"order":[{"slot":"B","health":"trial","tries_left":2},{"slot":"A","health":"committed"}],"booted":"B","warnings":["weak"]})",
      kSlots);
  ASSERT_TRUE(state) << state.error().text();
  EXPECT_EQ(state->boot.order[0].tries_left, 2U);
  EXPECT_EQ(state->boot.order[1].health, SlotHealth::committed);
  EXPECT_EQ(state->booted, "B");
  EXPECT_EQ(state->warnings, std::vector<std::string>{"weak"});
}

TEST(CustomAnswer, SlotsLeftOutAndTrialsWithoutTriesAreBad) {
  const auto state = parse_custom_state(R"({"order":[{"slot":"B","health":"trial"}]})", kSlots);
  ASSERT_TRUE(state) << state.error().text();
  EXPECT_EQ(state->boot.order[0].health, SlotHealth::bad);
  EXPECT_EQ(state->boot.order[1].name, "A");
  EXPECT_EQ(state->boot.order[1].health, SlotHealth::bad);
}

TEST(CustomAnswer, MustBeExact) {
  const struct {
    const char* text;
    ErrorCode code;
  } cases[] = {
      {"", kCustomAnswer},
      {"[]", kCustomAnswer},
      {"{}", kCustomAnswer},
      {R"({"order":[],"more":1})", kCustomAnswer},
      {R"({"order":[{"slot":"A"}]})", kCustomAnswer},
      {R"({"order":[{"slot":"A","health":"fine"}]})", kCustomAnswer},
      {R"({"order":[{"slot":"A","health":"trial","tries_left":10}]})", kCustomAnswer},
      {R"({"order":[{"slot":"A","health":"bad"},{"slot":"A","health":"bad"}]})", kCustomAnswer},
      {R"({"order":[],"warnings":[1]})", kCustomAnswer},
      {R"({"order":[{"slot":"X","health":"bad"}]})", kUnknownSlot},
      {R"({"order":[],"booted":"X"})", kUnknownSlot},
  };
  for (const auto& [text, code] : cases) {
    const auto state = parse_custom_state(text, kSlots);
    ASSERT_FALSE(state) << text;
    EXPECT_EQ(state.error().code.number, code.number) << text << ": " << state.error().text();
  }
}

class CustomScript : public ::testing::Test {
 protected:
  CustomScript() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-script-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~CustomScript() override { std::filesystem::remove_all(folder_); }
  CustomControl control(const std::string& script, std::chrono::seconds timeout = std::chrono::seconds(20)) {
    EXPECT_TRUE(replace_file(folder_ / "run", "#!/bin/sh\n" + script + "\n", 0755));
    return {(folder_ / "run").string(), timeout, kSlots, 3};
  }
  std::filesystem::path folder_;
};

constexpr const char* kAnswer = R"(echo '{"order":[{"slot":"A","health":"committed"}]}')";

TEST_F(CustomScript, TheLastLineIsTheAnswer) {
  auto subject = control(std::string("echo 'reading {'; echo more >&2; ") + kAnswer);
  ASSERT_TRUE(subject.read()) << subject.read().error().text();
  EXPECT_EQ(subject.read()->order[0].name, "A");
}

TEST_F(CustomScript, ExitStatusesAreToldApart) {
  EXPECT_EQ(control("echo gone; exit 3").read().error().code.number, kBootStateCorrupt.number);
  const auto failed = control("echo one; echo 'no device'; exit 1").read();
  EXPECT_EQ(failed.error().code.number, kCustomFailed.number);
  EXPECT_THAT(failed.error().message, HasSubstr("ended with status 1: no device"));
  EXPECT_FALSE(CustomControl("/nowhere/aloft-boot", std::chrono::seconds(5), kSlots, 3).read());
}

TEST_F(CustomScript, OneThatHangsIsEnded) {
  const auto hung = control("sleep 60", std::chrono::seconds(1)).read();
  EXPECT_EQ(hung.error().code.number, kCustomFailed.number);
  EXPECT_THAT(hung.error().message, HasSubstr("has not ended after 1 s"));
}

TEST_F(CustomScript, AChangeThatGetDoesNotShowIsAnError) {
  auto subject = control(kAnswer);
  EXPECT_EQ(subject.arm("B", 2).error().code.number, kBootStateWrite.number);
  EXPECT_EQ(subject.rebuild("B").error().code.number, kBootStateWrite.number);
  EXPECT_TRUE(subject.commit("A"));
}

TEST_F(CustomScript, TheLastCommittedSlotIsNotEvenAskedFor) {
  auto subject = control(std::string("[ \"$1\" = get ] || touch ") + (folder_ / "asked").string() + "\n" + kAnswer);
  EXPECT_EQ(subject.mark_bad("A").error().code.number, kNoOtherSlot.number);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "asked"));
}

TEST_F(CustomScript, WarningsReachDoctor) {
  auto subject = control(R"(echo '{"order":[{"slot":"A","health":"committed"}],"warnings":["one copy only"]}')");
  EXPECT_EQ(subject.examine(Probe::look).value(), std::vector<std::string>{"one copy only"});
}

}  // namespace
}  // namespace aloft::boot
