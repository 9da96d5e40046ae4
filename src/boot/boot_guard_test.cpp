#include "boot/boot_guard.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/crc32.hpp"
#include "base/file.hpp"
#include "boot/errors.hpp"
#include "boot/test_boot_guard.hpp"

namespace aloft::boot {
namespace {

using test::must;

GuardEnv example() {
  GuardEnv env{.kernel = "C:BOOT0:linux.efi",
               .arguments = "root=PARTLABEL=rootfs-b quiet",
               .state = GuardState::installed,
               .watchdog_s = 40,
               .revision = 7};
  env.user = std::string(kGuardUserBytes, '\0');
  return env;
}

TEST(GuardEnv, LiesWhereBootGuardLooksForIt) {
  const std::string file = must(format_guard_env(example()));
  ASSERT_EQ(file.size(), 132104U);
  EXPECT_EQ(file.substr(0, 6), std::string("C\0:\0B\0", 6));
  EXPECT_EQ(file.substr(510, 4), std::string("r\0o\0", 4));
  EXPECT_EQ(file.substr(1020, 8), std::string("\0\1\x28\0\7\0\0\0", 8));
  EXPECT_EQ(load_le32(as_bytes(file).subspan(132100, 4)), crc32(as_bytes(file).first(132100)));
}

TEST(GuardEnv, ReadsWhatItWrote) {
  GuardEnv env = example();
  env.user.replace(0, 5, "k\0v\0w", 5);
  const GuardEnv back = must(parse_guard_env(must(format_guard_env(env))));
  EXPECT_EQ(back.kernel, env.kernel);
  EXPECT_EQ(back.arguments, env.arguments);
  EXPECT_EQ(back.state, env.state);
  EXPECT_EQ(back.watchdog_s, env.watchdog_s);
  EXPECT_EQ(back.revision, env.revision);
  EXPECT_EQ(back.user, env.user);
}

TEST(GuardEnv, RefusesWhatBootGuardWouldIgnore) {
  const std::string file = must(format_guard_env(example()));
  EXPECT_FALSE(parse_guard_env(""));
  EXPECT_FALSE(parse_guard_env(file.substr(0, file.size() - 1)));
  for (const std::size_t at : {0U, 600U, 1021U, 70000U, 132103U}) {
    std::string torn = file;
    torn[at] = static_cast<char>(torn[at] ^ 1);
    EXPECT_FALSE(parse_guard_env(torn)) << at;
  }
}

TEST(GuardEnv, RefusesTextsThatDoNotFit) {
  GuardEnv env = example();
  env.arguments = std::string(255, 'x');
  EXPECT_EQ(format_guard_env(env).error().code.number, kBootSetting.number);
}

// The whole file stays valid, with one sector changed.
TEST(GuardEnv, AnotherStateIsOneSector) {
  const std::string before = must(format_guard_env(example()));
  const std::string after = *with_guard_state(before, GuardState::ok);
  EXPECT_EQ(must(parse_guard_env(after)).state, GuardState::ok);
  EXPECT_EQ(must(parse_guard_env(after)).arguments, example().arguments);
  EXPECT_EQ(before.substr(0, kSectorBytes), after.substr(0, kSectorBytes));
  EXPECT_EQ(before.substr(2 * kSectorBytes), after.substr(2 * kSectorBytes));
  EXPECT_EQ(*with_guard_state(after, GuardState::installed), before) << "and back again";
}

TEST(GuardEnv, AnotherStateNeedsRoomBehindTheArguments) {
  GuardEnv env = example();
  env.arguments = std::string(251, 'x');
  EXPECT_TRUE(with_guard_state(must(format_guard_env(env)), GuardState::ok));
  env.arguments = std::string(252, 'x');
  EXPECT_FALSE(with_guard_state(must(format_guard_env(env)), GuardState::ok));
}

class BootGuardTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(loader_.control()->rebuild("A")); }
  GuardEnv env(const std::string& slot) { return must(parse_guard_env(storage_.contents.at("env-" + slot))); }
  test::MemoryStorage storage_;
  test::TestBootGuard loader_{storage_, {"A", "B"}};
};

TEST_F(BootGuardTest, ATrialIsTheHighestRevisionAndHasTheWatchdog) {
  ASSERT_TRUE(loader_.control()->arm("B", 1));
  EXPECT_GT(env("B").revision, env("A").revision);
  EXPECT_EQ(env("B").state, GuardState::installed);
  EXPECT_EQ(env("B").watchdog_s, 40);
  EXPECT_EQ(env("B").arguments, "aloft.slot=B");
}

TEST_F(BootGuardTest, TheOldEnvironmentIsNotTouchedByATrial) {
  const std::string before = storage_.contents.at("env-A");
  ASSERT_TRUE(loader_.control()->arm("B", 1));
  loader_.boot(test::always);
  ASSERT_TRUE(loader_.control()->commit("B"));
  EXPECT_EQ(storage_.contents.at("env-A"), before);
}

// in_progress keeps EFI Boot Guard from the newest environment only.
TEST_F(BootGuardTest, ASlotThatIsBadHasNoRevision) {
  ASSERT_TRUE(loader_.control()->commit("B"));
  ASSERT_TRUE(loader_.control()->mark_bad("A"));
  EXPECT_EQ(env("A").revision, 0U);
  EXPECT_TRUE(env("A").in_progress);
}

TEST_F(BootGuardTest, LongArgumentsAreConfirmedToo) {
  std::vector<GuardSlot> slots;
  const std::size_t bytes = storage_.contents.at("env-A").size();
  for (const char* slot : {"A", "B"})
    slots.push_back({slot, storage_.region(std::string("env-") + slot, bytes), "k", std::string(254, 'x')});
  BootGuardControl control(std::move(slots), 40);
  ASSERT_TRUE(control.arm("B", 1));
  ASSERT_TRUE(control.commit("B"));
  EXPECT_EQ(env("B").state, GuardState::ok);
}

// On files of a size of their own; EFI Boot Guard takes environments of the size that it was built with, and no other.
class BootGuardFiles : public ::testing::Test {
 protected:
  BootGuardFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-guard-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~BootGuardFiles() override { std::filesystem::remove_all(folder_); }
  BootGuardControl control() const {
    std::vector<GuardSlot> slots;
    for (const char* slot : {"A", "B"}) slots.push_back({slot, FileRegion::whole_file(folder_ / slot, kMostGuardBytes), "k", "x"});
    return {std::move(slots), 40};
  }
  void put(const std::string& slot, std::string_view content) const { EXPECT_TRUE(replace_file(folder_ / slot, content)); }
  std::string content(const std::string& slot) const { return must(read_file(folder_ / slot)); }
  std::size_t user_bytes(const std::string& slot) const { return must(parse_guard_env(content(slot))).user.size(); }
  static std::string committed(std::uint32_t revision, std::size_t user_bytes) {
    GuardEnv env = example();
    env.state = GuardState::ok;
    env.revision = revision;
    env.user.assign(user_bytes, '\0');
    return must(format_guard_env(env));
  }
  std::filesystem::path folder_;
};

TEST_F(BootGuardFiles, ATornEnvironmentIsMadeAnewAsLargeAsItsLikes) {
  for (const std::size_t bytes : {1000U, 131072U, 262144U}) {
    SCOPED_TRACE(bytes);
    const std::string whole = committed(7, bytes);
    for (const std::string& torn : {std::string(whole.size(), '\1'), std::string(300, '\1'), std::string()}) {
      put("A", whole);
      put("B", torn);
      ASSERT_TRUE(control().arm("B", 1));
      EXPECT_EQ(user_bytes("B"), bytes);
      put("A", torn);
      put("B", std::string(whole.size(), '\1'));
      ASSERT_TRUE(control().rebuild("A"));
      for (const char* slot : {"A", "B"}) EXPECT_EQ(user_bytes(slot), bytes) << slot;
    }
  }
}

TEST_F(BootGuardFiles, FilesCutWithTheirClustersTellNoSize) {
  for (const char* slot : {"A", "B"}) put(slot, std::string(65536, '\1'));
  ASSERT_TRUE(control().rebuild("A"));
  for (const char* slot : {"A", "B"}) EXPECT_EQ(user_bytes(slot), kGuardUserBytes) << slot;
}

TEST_F(BootGuardFiles, WhatStandsBehindAnEnvironmentIsLeftAlone) {
  const std::string tail(504, 'x');
  put("A", committed(7, kGuardUserBytes) + tail);
  put("B", committed(6, kGuardUserBytes) + tail);
  const auto state_in = [&](const std::string& slot) {
    const std::string file = content(slot);
    EXPECT_TRUE(file.ends_with(tail));
    return must(parse_guard_env(std::string_view(file).substr(0, file.size() - tail.size()))).state;
  };
  EXPECT_EQ(must(control().read()).order.front().name, "A");
  ASSERT_TRUE(control().mark_bad("B"));
  EXPECT_EQ(state_in("B"), GuardState::failed);
  ASSERT_TRUE(control().arm("B", 1));
  EXPECT_EQ(state_in("B"), GuardState::installed);
  ASSERT_TRUE(control().commit("B"));
  EXPECT_EQ(state_in("B"), GuardState::ok);
  EXPECT_EQ(state_in("A"), GuardState::ok);
  EXPECT_EQ(must(control().read()).order.front().name, "B");
}

TEST_F(BootGuardTest, DoctorFindsATornEnvironmentAndAMissingWatchdog) {
  EXPECT_TRUE(must(loader_.control()->examine(Probe::look)).empty());
  storage_.contents.at("env-B")[0] = '!';
  EXPECT_EQ(must(loader_.control()->examine(Probe::look)).size(), 1U);
  GuardEnv dogless = env("A");
  dogless.watchdog_s = 0;
  storage_.contents.at("env-A") = must(format_guard_env(dogless));
  EXPECT_EQ(must(loader_.control()->examine(Probe::look)).size(), 2U);
}

}  // namespace
}  // namespace aloft::boot
