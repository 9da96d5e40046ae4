// The power-cut search tested itself: a device with a deliberate mistake must be found out, and by what it is.
#include <gtest/gtest.h>

#include <ostream>

#include "agent/test_power_cuts.hpp"
#include "base/log.hpp"
#include "storage/errors.hpp"

namespace aloft::agent {
namespace {

using test::Fault;
using test::PowerCutSearch;
using test::Story;
using update::Phase;

struct SeededFault {
  const char* name;
  Fault fault;
  Story story;
  const char* finding;  // a part of it
};
void PrintTo(const SeededFault& tested, std::ostream* out) { *out << tested.name; }

const SeededFault kSeededFaults[] = {
    {"SlotsNotFlushed", Fault::slots_not_flushed, {"", {{"2"}}}, "release 0 runs, which is neither committed nor deployed"},
    {"BootStateNotFlushed", Fault::boot_state_not_flushed, {"", {{"2"}}}, "may be booted, but holds no complete release"},
    {"StateNotSynced", Fault::state_not_synced, {"", {{"2"}}}, ""},
    {"TargetNotParked", Fault::target_not_parked, {"", {{"2"}}}, "may be booted, but holds no complete release"},
    {"ArmedTooEarly", Fault::armed_too_early, {"", {{"2"}}}, "release 0 runs, which is neither committed nor deployed"},
    {"NotReadBack", Fault::not_read_back, {"", {{"2"}}}, "may be booted, but holds no complete release"},
    {"TruncatingWrite", Fault::truncating_write, {"", {{"2"}}}, "the boot state cannot be read"},
    {"RenamingWrite", Fault::renaming_write, {"", {{"2"}}}, "is no GRUB environment block"},
    {"BootsUncounted", Fault::boots_uncounted, {"", {{"3-panics", Phase::rolled_back}}}, "an uncommitted release is booted too often"},
    {"CommitsUnproven", Fault::commits_unproven, {"", {{"3-unhealthy", Phase::rolled_back}}}, "3-unhealthy ended as committed"},
};

class Faults : public ::testing::TestWithParam<SeededFault> {
 protected:
  void SetUp() override { log::set_level(log::Level::error); }
};

TEST_P(Faults, AreFound) {
  const SeededFault& tested = GetParam();
  PowerCutSearch search(boot::test::kLoaders[0], tested.story, tested.fault, {});
  const std::string found = search.run();
  EXPECT_FALSE(found.empty());
  EXPECT_TRUE(found.contains(tested.finding)) << found;
  std::printf("%s: %s\n", tested.name, found.c_str());
}

INSTANTIATE_TEST_SUITE_P(All, Faults, ::testing::ValuesIn(kSeededFaults), [](const auto& tested) { return tested.param.name; });

// The other side of NotReadBack: a disk that loses a write is no mistake of the agent's, which reads back, and writes anew.
TEST(LostWrite, IsNoticedByReadingBackAndMended) {
  PowerCutSearch search(boot::test::kLoaders[0], {"", {{"2"}}}, Fault::write_lost, {});
  EXPECT_EQ(search.run(), "");
  EXPECT_GT(search.cuts(), 100U);
}

}  // namespace
}  // namespace aloft::agent
