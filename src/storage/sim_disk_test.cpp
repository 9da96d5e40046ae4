#include "storage/sim_disk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace aloft::storage {
namespace {

Bytes pattern(std::size_t size, int value) { return Bytes(size, static_cast<std::byte>(value)); }

// The first byte of each sector after each outcome of a cut, each state once.
std::set<std::string> states_after_cut(const SimDisk& disk, Effort effort) {
  std::set<std::string> states;
  for (std::size_t outcome = 0; outcome < disk.outcomes(effort); ++outcome) {
    SimDisk copy(disk);
    copy.settle(outcome, effort, 1);
    const Bytes durable = copy.durable();
    std::string state;
    for (std::size_t at = 0; at < durable.size(); at += SimDisk::kSectorBytes) {
      EXPECT_TRUE(std::ranges::all_of(ByteView(durable).subspan(at, SimDisk::kSectorBytes), [&](std::byte b) { return b == durable[at]; }));
      state += static_cast<char>('0' + std::to_integer<int>(durable[at]));
    }
    states.insert(state);
  }
  return states;
}

TEST(SimDisk, KeepsWhatWasFlushed) {
  Power power;
  SimDisk disk(power, 4096);
  ASSERT_TRUE(disk.write(0, pattern(1024, 1)));
  ASSERT_TRUE(disk.flush());
  ASSERT_TRUE(disk.write(512, pattern(1024, 2)));
  disk.settle(SimDisk::Kept{false, false});
  Bytes found(1536);
  ASSERT_TRUE(disk.read(0, found));
  EXPECT_EQ(found[1023], std::byte{1});
  EXPECT_EQ(found[1024], std::byte{0});
}

TEST(SimDisk, AFewSectorsEndInEveryWay) {
  Power power;
  SimDisk disk(power, 1024);
  ASSERT_TRUE(disk.write(0, pattern(1024, 1)));
  EXPECT_EQ(states_after_cut(disk, Effort::quick), (std::set<std::string>{"00", "01", "10", "11"}));
  ASSERT_TRUE(disk.write(512, pattern(512, 2)));
  EXPECT_EQ(states_after_cut(disk, Effort::quick), (std::set<std::string>{"00", "01", "02", "10", "11", "12"}));
  ASSERT_TRUE(disk.flush());
  EXPECT_EQ(states_after_cut(disk, Effort::quick), std::set<std::string>{"12"});
}

TEST(SimDisk, ManySectorsAreLostTornAndReordered) {
  Power power;
  SimDisk disk(power, 8 * 512);
  ASSERT_TRUE(disk.write(0, pattern(1024, 1)));
  ASSERT_TRUE(disk.write(1024, pattern(1024, 2)));
  ASSERT_TRUE(disk.write(2048, pattern(2048, 3)));
  const std::set<std::string> states = states_after_cut(disk, Effort::quick);
  for (const char* expected : {"00000000", "11000000", "11220000", "11223333", "11223000", "11223300", "11223330", "00223333", "11003333",
                               "00220000", "00003333"}) {
    EXPECT_TRUE(states.contains(expected)) << expected;
  }
  EXPECT_GT(states_after_cut(disk, Effort::thorough).size(), states.size());
}

TEST(SimDisk, CopiesAreIndependent) {
  Power power;
  SimDisk disk(power, 512);
  SimDisk copy(disk);
  ASSERT_TRUE(disk.write(0, pattern(512, 1)));
  ASSERT_TRUE(disk.flush());
  EXPECT_FALSE(disk.holds_same(copy));
  copy.fill(0, pattern(512, 1));
  EXPECT_TRUE(disk.holds_same(copy));
  Fingerprint one;
  Fingerprint other;
  disk.add_to(one);
  copy.add_to(other);
  EXPECT_EQ(one.value(), other.value());
}

TEST(SimDisk, ThePowerGoesAtTheOperationAskedFor) {
  Power power;
  unsigned watched = 0;
  power.watch([&] { ++watched; });
  SimDisk disk(power, 1024);
  power.cut_at(2);
  ASSERT_TRUE(disk.write(0, pattern(512, 1)));
  EXPECT_THROW((void)disk.flush(), PowerLost);
  EXPECT_EQ(watched, 2U);
  disk.settle(SimDisk::Kept{false});
  EXPECT_EQ(disk.durable()[0], std::byte{0});
}

}  // namespace
}  // namespace aloft::storage
