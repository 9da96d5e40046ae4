// A boot state that is kept more than once, and of which one copy is damaged: the device boots what it booted, doctor says which copy it
// is, and the next update goes through and mends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/test_life.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

using test::Hardware;
using test::must;

struct Copy {
  const char* name;
  const char* loader;
  const char* region;
  std::uint64_t offset;
  const char* said;
};
void PrintTo(const Copy& copy, std::ostream* out) { *out << copy.name; }

constexpr Copy kCopies[] = {
    {"UbootFirst", "UbootOrder", "env1", 512, "copy 1 of 2"},
    {"UbootSecond", "UbootOrder", "env2", 512, "copy 2 of 2"},
    {"UbootBootcountFirst", "UbootBootcount", "env1", 512, "copy 1 of 2"},
    {"UbootBootcountSecond", "UbootBootcount", "env2", 512, "copy 2 of 2"},
    {"AndroidFirst", "Android", "misc", 0, "its backup is used"},
    {"AndroidBackup", "Android", "misc-backup", 0, "the backup of the slot metadata is damaged"},
    {"BareboxFirst", "Barebox", "state", 0, "copy 1 of 3"},
    {"BareboxSecond", "Barebox", "state", 1024, "copy 2 of 3"},
    {"BareboxThird", "Barebox", "state", 2048, "copy 3 of 3"},
    {"BootGuardOfTheOther", "BootGuard", "env-B", 512, "the environment of slot B is torn"},
};

class DamagedCopy : public ::testing::TestWithParam<Copy> {};

TEST_P(DamagedCopy, IsSaidAndMendedByTheNextUpdate) {
  log::set_level(log::Level::error);
  const auto loader = std::ranges::find(boot::test::kLoaders, std::string_view(GetParam().loader), &boot::test::NamedLoader::name);
  storage::Power power;
  test::World world{Hardware(power, *loader, test::Fault::none), {}};
  must(world.hardware.loader()->control()->examine(boot::Probe::rewrite));  // the newest state in each copy
  world.hardware.boot_storage.write_unflushed(GetParam().region, GetParam().offset, std::string(512, '\xee'));
  test::settle_kept(world.hardware.media());

  EXPECT_THAT(must(world.hardware.loader()->control()->examine(boot::Probe::look)),
              testing::ElementsAre(testing::HasSubstr(GetParam().said)));
  Hardware booted(world.hardware);
  EXPECT_EQ(booted.choose(), "A");
  const test::Story story{"", {{"2"}}};
  EXPECT_EQ(test::Life(story, world, test::Fault::none).live(), "");
  EXPECT_THAT(must(world.hardware.loader()->control()->examine(boot::Probe::look)), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Copies, DamagedCopy, ::testing::ValuesIn(kCopies), [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace aloft::agent
