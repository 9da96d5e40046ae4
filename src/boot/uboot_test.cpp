#include "boot/uboot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "boot/errors.hpp"
#include "boot/fw_env_config.hpp"
#include "boot/order.hpp"
#include "boot/test_uboot.hpp"

namespace aloft::boot {
namespace {

using test::MemoryStorage;
using testing::HasSubstr;

constexpr std::size_t kEnvBytes = 1024;

std::string image(std::uint8_t flags, const UbootVariables& variables) {
  return test::must(format_uboot_env({flags, variables}, true, kEnvBytes));
}

class Environment : public ::testing::Test {
 protected:
  UbootEnvironment open(std::size_t copies = 2) {
    std::vector<std::unique_ptr<Region>> regions;
    for (std::size_t i = 0; i < copies; ++i) regions.push_back(storage.region("env" + std::to_string(i), kEnvBytes));
    return {std::move(regions), kEnvBytes};
  }
  void put(int copy, std::string content) {
    (void)storage.region("env" + std::to_string(copy), kEnvBytes);
    storage.contents["env" + std::to_string(copy)] = std::move(content);
  }
  const std::string& content(int copy) { return storage.contents["env" + std::to_string(copy)]; }
  std::string loaded(const std::string& name) {
    auto variables = open().load();
    return variables ? (*variables)[name] : variables.error().text();
  }
  MemoryStorage storage;
};

TEST(UbootEnv, IsLaidOutAsUbootHasIt) {
  const std::string text = test::must(format_uboot_env({7, {{"b", "2"}, {"a", "x=y"}}}, true, 32));
  EXPECT_EQ(text.substr(4), std::string("\x07"
                                        "a=x=y\0b=2\0\0",
                                        12) +
                                std::string(16, '\0'));
  EXPECT_EQ(test::must(format_uboot_env({7, {{"b", "2"}}}, false, 16)).substr(4), std::string("b=2\0\0", 5) + std::string(7, '\0'));
}

TEST(UbootEnv, AnEmptyOneReadsBack) {
  EXPECT_TRUE(parse_uboot_env(test::must(format_uboot_env({1, {}}, true, 64)), true)->variables.empty());
}

TEST(UbootEnv, VariablesWithoutAValueAreNoVariables) {
  EXPECT_TRUE(parse_uboot_env(test::must(format_uboot_env({1, {{"a", ""}}}, true, 64)), true)->variables.empty());
}

TEST(UbootEnv, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(format_uboot_env({1, {{"a", std::string(54, 'x')}}}, true, 64));  // 5 + 2 + 54 + 1, and the end
  EXPECT_EQ(format_uboot_env({1, {{"a", std::string(56, 'x')}}}, true, 64).error().code.number, kBootStateFull.number);
}

TEST(UbootEnv, EveryFlippedBitIsFound) {
  const std::string good = image(1, {{"a", "1"}});
  for (std::size_t at = 0; at < 16; ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    EXPECT_EQ(parse_uboot_env(bad, true).has_value(), at == 4) << at;  // the flags byte is not covered
  }
  EXPECT_FALSE(parse_uboot_env("", true));
  EXPECT_FALSE(parse_uboot_env(std::string(kEnvBytes, '\xff'), true));
}

TEST_F(Environment, TheNewerCopyCountsAlsoAroundTheWrap) {
  const struct {
    std::uint8_t first, second;
    const char* newer;
  } cases[] = {{1, 2, "two"}, {2, 1, "one"}, {255, 0, "two"}, {0, 255, "one"}, {254, 255, "two"}, {3, 3, "one"}};
  for (const auto& [first, second, newer] : cases) {
    put(0, image(first, {{"v", "one"}}));
    put(1, image(second, {{"v", "two"}}));
    EXPECT_EQ(loaded("v"), newer) << int{first} << " " << int{second};
  }
}

TEST_F(Environment, AChangeGoesToTheOlderCopyInOneWrite) {
  put(0, image(255, {{"v", "one"}, {"other", "kept"}}));
  put(1, image(254, {{"v", "two"}}));
  const std::string before = content(0);
  UbootEnvironment environment = open();
  UbootVariables variables = test::must(environment.load());
  variables["v"] = "three";
  ASSERT_TRUE(environment.save(variables));
  EXPECT_EQ(storage.writes, 1U);
  EXPECT_EQ(content(0), before);
  EXPECT_EQ(content(1), image(0, {{"v", "three"}, {"other", "kept"}}));
  EXPECT_EQ(loaded("v"), "three");
  variables["v"] = "four";
  ASSERT_TRUE(environment.save(variables));
  EXPECT_EQ(content(0), image(1, variables));
}

TEST_F(Environment, OneTornCopyIsNoticedAndMendedByTheNextChange) {
  put(0, image(5, {{"v", "one"}}));
  put(1, image(6, {{"v", "two"}}).replace(512, 512, std::string(512, 'x')));
  UbootEnvironment environment = open();
  ASSERT_TRUE(environment.load());
  EXPECT_THAT(environment.weaknesses(), testing::ElementsAre(HasSubstr("copy 2 of 2 of U-Boot's environment is missing or damaged")));
  ASSERT_TRUE(environment.save({{"v", "three"}}));
  EXPECT_TRUE(environment.weaknesses().empty());
  EXPECT_EQ(loaded("v"), "three");
  EXPECT_TRUE(parse_uboot_env(content(0), true));
}

TEST_F(Environment, OneCopyOnlyIsAWeakness) {
  put(0, test::must(format_uboot_env({0, {{"v", "one"}}}, false, kEnvBytes)));
  UbootEnvironment environment = open(1);
  EXPECT_EQ(test::must(environment.load())["v"], "one");
  EXPECT_THAT(environment.weaknesses(), testing::ElementsAre(HasSubstr("only one copy")));
  ASSERT_TRUE(environment.save({{"v", "two"}}));
  EXPECT_EQ(content(0), test::must(format_uboot_env({0, {{"v", "two"}}}, false, kEnvBytes)));
}

TEST(FwEnvConfig, IsReadAsFwSetenvReadsIt) {
  const auto copies = parse_fw_env_config("# comment\n\n/dev/mmcblk0 0x100000\t0x4000 # first\n/dev/mmcblk0 -32768 16384 0x200 1\n");
  ASSERT_TRUE(copies) << copies.error().text();
  ASSERT_EQ(copies->size(), 2U);
  EXPECT_EQ((*copies)[0].device, "/dev/mmcblk0");
  EXPECT_EQ((*copies)[0].offset_bytes, 0x100000);
  EXPECT_EQ((*copies)[0].size_bytes, 0x4000U);
  EXPECT_EQ((*copies)[1].offset_bytes, -32768);
}

TEST(FwEnvConfig, RefusesWhatItCannotKeepSafe) {
  const struct {
    const char* text;
    const char* why;
  } cases[] = {
      {"", "names no copy"},
      {"/dev/a 0\n", "line 1: a copy of the environment is DEVICE OFFSET SIZE"},
      {"a 0 0x4000\n", "absolute"},
      {"\n/dev/a 100 0x4000\n", "line 2: the offset must be a multiple of 512"},
      {"/dev/a 0 0\n", "the size must be"},
      {"/dev/a 0 0x4001\n", "the size must be"},
      {"/dev/a 0 0x40000000\n", "at most 1 MiB"},
      {"/dev/a zero 0x4000\n", "the offset must be"},
      {"/dev/a 0 0x4000\n/dev/a 0x4000 0x8000\n", "differ in size"},
      {"/dev/a 0 0x4000\n/dev/a 0x2000 0x4000\n", "overlap"},
      {"/dev/a 0 0x4000\n/dev/a 0x4000 0x4000\n/dev/a 0x8000 0x4000\n", "line 3: there can be two"},
      {"/dev/mtd1 -0x4000 0x4000 0x4000\n", "an offset on flash counts from the start"},
      {"/dev/ubi0_1 0x200 0x4000\n", "in a UBI volume it is 0"},
      {"/dev/mtd1 0 0x4000 0x4000 many\n", "the number of sectors"},
  };
  for (const auto& [text, why] : cases) {
    const auto copies = parse_fw_env_config(text);
    ASSERT_FALSE(copies) << text;
    EXPECT_EQ(copies.error().code.number, kBootSetting.number);
    EXPECT_THAT(copies.error().message, HasSubstr(why));
  }
}

TEST(FwEnvConfig, FlashIsOpenedAsFlash) {
  EXPECT_FALSE(open_uboot_env(test::must(parse_fw_env_config("/dev/mtd99 0 0x4000\n")))) << "its kind must be known";
  auto volume = test::must(open_uboot_env(test::must(parse_fw_env_config("/dev/ubi9:env 0 0x4000\n"))));
  EXPECT_FALSE(volume->load());
  EXPECT_THAT(volume->save({{"a", "1"}}).error().message, HasSubstr("there is no UBI volume"));
}

// A control over variables as a factory or another updater left them.
class Order : public Environment {
 protected:
  UbootOrderControl control(const UbootVariables& variables) {
    put(0, image(1, variables));
    put(1, image(0, variables));
    return {std::make_unique<UbootEnvironment>(open()), "/dev/null", {"A", "B"}, 3};
  }
  static std::string shown(UbootOrderControl& control) {
    const auto state = control.read();
    if (!state) return state.error().text();
    std::string text;
    for (const SlotState& slot : state->order)
      text += slot.name + (slot.health == SlotHealth::committed ? ":good " : ":" + std::to_string(slot.tries_left) + " ");
    return text;
  }
};

TEST_F(Order, ReadsWhatRaucLeaves) {
  const struct {
    UbootVariables variables;
    const char* state;
  } cases[] = {
      {{{"BOOT_ORDER", "A B"}, {"BOOT_A_LEFT", "3"}, {"BOOT_B_LEFT", "2"}}, "A:good B:good "},
      {{{"BOOT_ORDER", "B A"}, {"BOOT_B_LEFT", "0"}}, "B:0 A:good "},
      {{{"BOOT_ORDER", "A"}, {"BOOT_B_LEFT", "3"}}, "A:good B:0 "},
      {{{"BOOT_ORDER", "B A"}, {"BOOT_B_LEFT", "a"}, {"aloft_trial", "B"}}, "B:10 A:good "},
      {{{"BOOT_ORDER", "X  B"}, {"BOOT_B_LEFT", "zz"}}, "B:good A:0 "},
  };
  for (const auto& [variables, state] : cases) {
    auto subject = control(variables);
    EXPECT_EQ(shown(subject), state);
  }
  auto none = control({{"bootcmd", "run x"}});
  EXPECT_EQ(none.read().error().code.number, kBootStateCorrupt.number);
}

TEST_F(Order, WritesWhatBootScriptsExpectAndKeepsTheRest) {
  auto subject = control({{"BOOT_ORDER", "A B"}, {"BOOT_A_LEFT", "2"}, {"BOOT_B_LEFT", "3"}, {"ethaddr", "02:00:00:00:00:01"}});
  ASSERT_TRUE(subject.arm("B", 2));
  EXPECT_EQ(loaded("BOOT_ORDER"), "B A");
  EXPECT_EQ(loaded("BOOT_B_LEFT"), "2");
  EXPECT_EQ(loaded("BOOT_A_LEFT"), "3");
  EXPECT_EQ(loaded("aloft_trial"), "B");
  EXPECT_EQ(loaded("ethaddr"), "02:00:00:00:00:01");
  ASSERT_TRUE(subject.commit("B"));
  EXPECT_EQ(loaded("aloft_trial"), "");
  EXPECT_EQ(loaded("BOOT_B_LEFT"), "3");
  ASSERT_TRUE(subject.mark_bad("A"));
  EXPECT_EQ(loaded("BOOT_ORDER"), "B");
  EXPECT_EQ(loaded("BOOT_A_LEFT"), "0");
}

// A script that resets all counters when none is left must not make a failed trial a committed slot.
TEST_F(Order, AFailedTrialStaysATrialWhenAScriptFillsEveryCounter) {
  auto subject = control({{"BOOT_ORDER", "B A"}, {"BOOT_A_LEFT", "3"}, {"BOOT_B_LEFT", "3"}, {"aloft_trial", "B"}});
  EXPECT_EQ(shown(subject), "B:3 A:good ");
}

TEST_F(Order, ABootOfACommittedSlotFillsItsCounterUp) {
  auto subject = control({{"BOOT_ORDER", "B A"}, {"BOOT_A_LEFT", "1"}, {"BOOT_B_LEFT", "2"}, {"aloft_trial", "B"}});
  ASSERT_TRUE(subject.confirm("A"));
  EXPECT_EQ(loaded("BOOT_A_LEFT"), "3");
  EXPECT_EQ(loaded("BOOT_B_LEFT"), "2");
  EXPECT_EQ(loaded("BOOT_ORDER"), "B A");
  ASSERT_TRUE(subject.confirm("B"));
  EXPECT_EQ(loaded("BOOT_B_LEFT"), "2");
}

TEST_F(Order, ALostEnvironmentBeginsWithWhatUbootHasBuiltIn) {
  const std::string initial = testing::TempDir() + "aloft-initial-env";
  std::FILE* file = std::fopen(initial.c_str(), "w");
  std::fputs("bootcmd=run distro\nbootdelay=1\n# no variable\n", file);
  std::fclose(file);
  put(0, std::string(kEnvBytes, '\xff'));
  put(1, std::string(kEnvBytes, '\xff'));
  UbootOrderControl subject(std::make_unique<UbootEnvironment>(open()), initial, {"A", "B"}, 3);
  ASSERT_TRUE(subject.rebuild("B"));
  EXPECT_EQ(loaded("bootcmd"), "run distro");
  EXPECT_EQ(loaded("bootdelay"), "1");
  EXPECT_EQ(loaded("BOOT_ORDER"), "B");
  std::remove(initial.c_str());
}

TEST_F(Order, WithoutThatALostEnvironmentStaysAsItIs) {
  put(0, std::string(kEnvBytes, '\xff'));
  put(1, std::string(kEnvBytes, '\xff'));
  UbootOrderControl subject(std::make_unique<UbootEnvironment>(open()), "/nowhere", {"A", "B"}, 3);
  EXPECT_THAT(subject.rebuild("B").error().message, HasSubstr("boot.initial_env"));
  EXPECT_EQ(content(0), std::string(kEnvBytes, '\xff'));
  EXPECT_EQ(storage.writes, 0U);
}

TEST_F(Order, DoctorHearsOfWhatIsWeak) {
  auto subject = control({{"BOOT_ORDER", "A"}});
  EXPECT_TRUE(test::must(subject.examine(Probe::look)).empty());
  put(1, std::string(kEnvBytes, 'x'));
  UbootOrderControl other(std::make_unique<UbootEnvironment>(open()), "/nowhere", {"A", "B"}, 3);
  EXPECT_THAT(test::must(other.examine(Probe::look)), testing::ElementsAre(HasSubstr("copy 2 of 2"), HasSubstr("boot.initial_env")));
}

class Bootcount : public Environment {
 protected:
  Result<BootState> read(const UbootVariables& variables) {
    put(0, image(1, variables));
    put(1, image(0, variables));
    return control()->read();
  }
  std::unique_ptr<UbootBootcountControl> control() {
    return std::make_unique<UbootBootcountControl>(std::make_unique<UbootEnvironment>(open()), "/dev/null",
                                                   std::vector<std::string>{"A", "B"}, "mender_boot_part",
                                                   std::map<std::string, unsigned>{{"A", 2}, {"B", 11}});
  }
};

TEST_F(Bootcount, ReadsWhatMenderLeaves) {
  const BootState idle = test::must(read({{"mender_boot_part", "11"}, {"upgrade_available", "0"}, {"bootcount", "0"}}));
  EXPECT_EQ(idle.order[0].name, "B");
  EXPECT_EQ(idle.order[0].health, SlotHealth::committed);
  EXPECT_EQ(idle.order[1].health, SlotHealth::bad);
  const BootState trial =
      test::must(read({{"mender_boot_part", "11"}, {"upgrade_available", "1"}, {"bootcount", "1"}, {"bootlimit", "3"}}));
  EXPECT_EQ(trial.order[0].health, SlotHealth::trial);
  EXPECT_EQ(trial.order[0].tries_left, 2U);
  EXPECT_EQ(find_slot(trial, "A")->health, SlotHealth::committed);
  EXPECT_EQ(read({{"mender_boot_part", "7"}}).error().code.number, kBootStateCorrupt.number);
  EXPECT_EQ(read({}).error().code.number, kBootStateCorrupt.number);
}

TEST_F(Bootcount, WritesWhatMendersScriptsExpect) {
  ASSERT_TRUE(read({{"mender_boot_part", "2"}, {"upgrade_available", "0"}}));
  ASSERT_TRUE(control()->arm("B", 3));
  EXPECT_EQ(loaded("mender_boot_part"), "11");
  EXPECT_EQ(loaded("mender_boot_part_hex"), "b");
  EXPECT_EQ(loaded("upgrade_available"), "1");
  EXPECT_EQ(loaded("bootcount"), "0");
  EXPECT_EQ(loaded("bootlimit"), "3");
  ASSERT_TRUE(control()->commit("B"));
  EXPECT_EQ(loaded("mender_boot_part"), "11");
  EXPECT_EQ(loaded("upgrade_available"), "0");
}

TEST_F(Bootcount, IsForTwoGroupsOnDifferentPartitions) {
  const auto open_with = [&](const std::vector<std::string>& slots, const std::string& part) {
    Settings settings;
    settings.set("part_variable", "mender_boot_part");
    settings.set("part.A", "2");
    settings.set("part.B", part);
    return open_uboot_bootcount(settings, std::make_unique<UbootEnvironment>(open()), "/dev/null", slots);
  };
  EXPECT_TRUE(open_with({"A", "B"}, "3"));
  EXPECT_FALSE(open_with({"A", "B"}, "2"));
  EXPECT_FALSE(open_with({"A", "B"}, "x"));
  EXPECT_FALSE(open_with({"A", "B", "C"}, "3"));
}

}  // namespace
}  // namespace aloft::boot
