// Whether the simulated file systems find what real ones do. Measured on vfat and ext4 with dm-log-writes: docs/power-cuts.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "storage/sim_ext4.hpp"
#include "storage/sim_fat.hpp"

namespace aloft::storage {
namespace {

const std::string kOld(1024, 'o');
const std::string kNew(1024, 'n');

using Program = std::function<void(SimVolume&)>;

// What "env" can hold after a power cut at any operation of the program, by how often; and after its end.
template <class Volume>
std::map<std::string, int> contents_after_cuts(const Program& program) {
  Power power;
  Volume volume(power);
  volume.fill("env", kOld);
  std::vector<Volume> cut;
  power.watch([&] { cut.push_back(volume); });
  program(volume);
  power.watch(nullptr);
  cut.push_back(volume);
  std::map<std::string, int> found;
  for (const Volume& state : cut) {
    for (std::size_t outcome = 0; outcome < state.outcomes(Effort::thorough); ++outcome) {
      Volume copy(state);
      copy.settle(outcome, Effort::thorough, 1);
      const auto content = copy.read("env");
      ++found[!content ? "missing" : *content == kOld ? "old" : *content == kNew ? "new" : "bad"];
    }
  }
  return found;
}

template <class Volume>
bool is_safe(const Program& program) {
  const auto found = contents_after_cuts<Volume>(program);
  return !found.contains("bad") && !found.contains("missing");
}

template <class Volume>
bool is_durable_at_its_end(const Program& program) {
  Power power;
  Volume volume(power);
  volume.fill("env", kOld);
  program(volume);
  for (std::size_t outcome = 0; outcome < volume.outcomes(Effort::thorough); ++outcome) {
    Volume copy(volume);
    copy.settle(outcome, Effort::thorough, 1);
    if (copy.read("env") != kNew) return false;
  }
  return true;
}

// What grub-editenv does.
void truncate_and_write(SimVolume& volume) {
  volume.truncate("env");
  volume.append("env", kNew);
  volume.sync("env");
}

void write_and_rename(SimVolume& volume) {
  volume.create("env.new");
  volume.append("env.new", kNew);
  volume.move("env.new", "env");
}

void write_sync_and_rename(SimVolume& volume) {
  volume.create("env.new");
  volume.append("env.new", kNew);
  volume.sync("env.new");
  volume.move("env.new", "env");
  volume.sync_folder();
}

void overwrite_in_place(SimVolume& volume) {
  for (const std::size_t sector : {0U, 512U}) {
    volume.overwrite("env", sector, std::string_view(kNew).substr(sector, 512));
    volume.sync("env");
  }
}

TEST(SimVolume, TruncatingIsFoundBadOnBoth) {
  EXPECT_FALSE(is_safe<SimFat>(truncate_and_write));
  EXPECT_FALSE(is_safe<SimExt4>(truncate_and_write));
}

TEST(SimVolume, RenamingWithoutSyncIsFoundBadOnBoth) {
  EXPECT_FALSE(is_safe<SimFat>(write_and_rename));
  EXPECT_FALSE(is_safe<SimExt4>(write_and_rename));
  EXPECT_FALSE(is_durable_at_its_end<SimExt4>(write_and_rename));
}

TEST(SimVolume, RenamingAfterSyncIsSafeOnlyWithAJournal) {
  EXPECT_FALSE(is_safe<SimFat>(write_sync_and_rename));
  EXPECT_TRUE(is_safe<SimExt4>(write_sync_and_rename));
  EXPECT_TRUE(is_durable_at_its_end<SimExt4>(write_sync_and_rename));
}

TEST(SimVolume, OverwritingASectorInPlaceIsOldOrNew) {
  const Program one_sector = [](SimVolume& volume) {
    volume.overwrite("env", 0, std::string(512, 'n'));
    volume.sync("env");
  };
  for (const auto& found : {contents_after_cuts<SimFat>(one_sector), contents_after_cuts<SimExt4>(one_sector)}) {
    EXPECT_FALSE(found.contains("missing"));
    EXPECT_TRUE(found.contains("old"));
  }
  EXPECT_TRUE(is_durable_at_its_end<SimFat>(overwrite_in_place));
  EXPECT_TRUE(is_durable_at_its_end<SimExt4>(overwrite_in_place));
  EXPECT_FALSE(is_safe<SimFat>(overwrite_in_place)) << "two sectors are not one";
}

template <class Volume>
void expect_appending_keeps_what_was_there() {
  Power power;
  Volume volume(power);
  volume.fill("log", "first line\n");
  std::vector<Volume> cut;
  power.watch([&] { cut.push_back(volume); });
  volume.append("log", std::string(3000, 'x'));
  volume.sync("log");
  for (const Volume& state : cut) {
    for (std::size_t outcome = 0; outcome < state.outcomes(Effort::quick); ++outcome) {
      Volume copy(state);
      copy.settle(outcome, Effort::quick, 1);
      EXPECT_TRUE(copy.read("log").value_or("").starts_with("first line\n"));
    }
  }
  EXPECT_EQ(volume.read("log")->size(), 3011U);
}

TEST(SimVolume, AppendingKeepsWhatWasThere) {
  expect_appending_keeps_what_was_there<SimFat>();
  expect_appending_keeps_what_was_there<SimExt4>();
}

TEST(SimVolume, RemovesAndGrowsOverClusters) {
  Power power;
  SimFat fat(power);
  fat.fill("a", kOld);
  fat.create("b");
  fat.append("b", kOld + kNew);
  fat.remove("a");
  fat.append("b", "tail");
  EXPECT_EQ(fat.read("b"), kOld + kNew + "tail");
  EXPECT_EQ(fat.read("a"), std::nullopt);
}

}  // namespace
}  // namespace aloft::storage
