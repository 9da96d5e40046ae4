#include "server/delta_plan.hpp"

#include <gtest/gtest.h>

namespace aloft::server {
namespace {

using fleet::Delta;
using fleet::DeltaWant;
using fleet::Release;

constexpr std::uint64_t kNow = 100ULL * 24 * 3600 * 1000;
constexpr std::uint64_t kKeep = 7ULL * 24 * 3600 * 1000;

Release release(std::uint64_t id, const std::string& version, std::uint64_t size, std::vector<std::string> hardware = {"h"}) {
  return {.id = id, .product = "p", .hardware = std::move(hardware), .version = version, .size_bytes = size};
}
DeltaWant want(std::uint64_t to, const std::string& from, std::uint64_t waiting, bool assigned, const std::string& hardware = "h") {
  return {.release = to,
          .product = "p",
          .version = from,
          .hardware = hardware,
          .devices = waiting + 1,
          .waiting = waiting,
          .assigned = assigned};
}
Delta delta(std::uint64_t id, std::uint64_t to, const std::string& from, std::uint64_t wanted_ms = kNow) {
  return {
      .id = id, .release = to, .from_version = from, .hardware = {"h"}, .size_bytes = 1, .created_ms = wanted_ms, .wanted_ms = wanted_ms};
}
const std::vector<Release> kReleases{release(1, "1", 50), release(2, "2", 100), release(3, "3", 1000), release(4, "1", 50, {"x"})};

struct Case {
  const char* what;
  std::vector<DeltaWant> wants;
  std::vector<Delta> deltas;
  std::uint64_t source;  // 0: nothing is to be made
  std::uint64_t target;
};

TEST(DeltaPlan, MakesWhatSavesMost) {
  Delta failed = delta(9, 3, "1");
  failed.problem = "no room";
  Delta failed_long_ago = failed;
  failed_long_ago.created_ms = kNow - kTryDeltaAgainMs;
  Delta for_any = delta(9, 3, "1");
  for_any.hardware.clear();
  const std::vector<Case> cases{
      {"nobody wants anything", {}, {}, 0, 0},
      {"one does", {want(3, "1", 5, true)}, {}, 1, 3},
      {"more devices of a smaller release", {want(2, "1", 60, true), want(3, "1", 5, true)}, {}, 1, 2},
      {"fewer devices of a larger release", {want(2, "1", 40, true), want(3, "1", 5, true)}, {}, 1, 3},
      {"what is assigned goes first", {want(2, "1", 1, true), want(3, "1", 900, false)}, {}, 1, 2},
      {"what nobody waits for is not made", {want(3, "1", 0, true)}, {}, 0, 0},
      {"it is there", {want(3, "1", 5, true)}, {delta(9, 3, "1")}, 0, 0},
      {"one for any hardware is there", {want(3, "1", 5, true)}, {for_any}, 0, 0},
      {"one for other hardware is no use", {want(3, "1", 5, true, "x")}, {delta(9, 3, "1")}, 4, 3},
      {"it could not be made a while ago", {want(3, "1", 5, true)}, {failed}, 0, 0},
      {"it could not be made long ago", {want(3, "1", 5, true)}, {failed_long_ago}, 1, 3},
      {"nobody has what they run", {want(3, "0.9", 5, true)}, {}, 0, 0},
      {"the release is gone", {want(8, "1", 5, true)}, {}, 0, 0},
      {"hardware revisions with one bundle count together",
       {want(3, "1", 4, true), want(3, "1", 3, true), want(2, "1", 60, true)},
       {},
       1,
       3},
  };
  for (const Case& one : cases) {
    const DeltaPlan plan = plan_deltas(one.wants, kReleases, one.deltas, {.now_ms = kNow, .keep_ms = kKeep});
    EXPECT_EQ(plan.next ? plan.next->source.id : 0, one.source) << one.what;
    EXPECT_EQ(plan.next ? plan.next->target.id : 0, one.target) << one.what;
  }
}

TEST(DeltaPlan, DropsWhatNoDeviceCouldUseForAWhile) {
  Delta uploaded = delta(4, 3, "1", 0);
  uploaded.created_by = "op";
  const std::vector<Delta> deltas{delta(1, 3, "1", kNow - kKeep), delta(2, 3, "2", kNow - kKeep + 1), delta(3, 2, "1", 0), uploaded};
  const DeltaPlan plan = plan_deltas({want(2, "1", 0, true)}, kReleases, deltas, {.now_ms = kNow, .keep_ms = kKeep});
  EXPECT_EQ(plan.unused, std::vector<std::uint64_t>{1});
  EXPECT_EQ(plan.wanted, std::vector<std::uint64_t>{3});
  EXPECT_FALSE(plan_deltas({want(2, "1", 0, true)}, kReleases, {delta(3, 2, "1", kNow - 1000)}, {kNow, kKeep}).wanted.size());
}

}  // namespace
}  // namespace aloft::server
