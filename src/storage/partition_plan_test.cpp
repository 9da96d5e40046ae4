#include "storage/partition_plan.hpp"

#include <gtest/gtest.h>

#include "crypto/test_pki.hpp"
#include "storage/errors.hpp"
#include "storage/sim_disk.hpp"

namespace aloft::storage {
namespace {

using crypto::test::must;

constexpr std::uint64_t kMiB = 1ULL << 20;

class PartitionPlan : public ::testing::Test {
 protected:
  Guid next_id() {
    Guid id;
    id.fill(static_cast<std::byte>(++ids_));
    return id;
  }
  Result<std::vector<std::string>> plan(const std::vector<WantedPartition>& wanted) {
    return plan_partitions(gpt_, wanted, [this] { return next_id(); });
  }
  WantedPartition wanted(const std::string& name, std::uint64_t mib, bool grow = false) const {
    return {.name = name, .type = must(partition_type("linux")), .size_bytes = mib * kMiB, .grow = grow};
  }
  std::uint64_t mib(std::size_t index) const { return (gpt_.entry(index).last - gpt_.entry(index).first + 1) * 512 / kMiB; }
  std::uint8_t ids_ = 0;
  Power power_;
  SimDisk disk_{power_, 32 * kMiB};
  Gpt gpt_ = must(Gpt::create(disk_, Guid{}));
};

TEST_F(PartitionPlan, MakesWhatIsMissingAndThenNothing) {
  const std::vector<WantedPartition> all = {wanted("boot", 4), wanted("rootfs-a", 8), wanted("data", 2, true)};
  EXPECT_EQ(must(plan(all)).size(), 3U);
  EXPECT_EQ(gpt_.entry(0).first, 2048U);
  EXPECT_EQ(mib(1), 8U);
  EXPECT_EQ(mib(2), 18U) << "1 MiB at the start and less than one at the end are not to be had";
  EXPECT_NE(gpt_.entry(0).id, gpt_.entry(1).id);
  EXPECT_TRUE(must(plan(all)).empty());
}

TEST_F(PartitionPlan, FillsGapsAndGrowsIntoThem) {
  must(plan({wanted("a", 4), wanted("b", 4), wanted("c", 4)}));
  must(gpt_.set(1, {}));
  EXPECT_EQ(must(plan({wanted("a", 6)})).size(), 1U);
  EXPECT_EQ(mib(0), 6U);
  must(plan({wanted("d", 2)}));
  EXPECT_EQ(gpt_.entry(1).name, "d");
  EXPECT_EQ(gpt_.entry(1).first, gpt_.entry(0).last + 1);
}

TEST_F(PartitionPlan, NothingIsMovedOrMadeSmaller) {
  must(plan({wanted("a", 4), wanted("b", 4)}));
  EXPECT_EQ(plan({wanted("a", 6)}).error().code.number, kBadPartition.number);
  EXPECT_TRUE(must(plan({wanted("b", 2)})).empty());
  EXPECT_TRUE(must(plan({wanted("a", 4, true)})).empty());
  EXPECT_EQ(plan({wanted("c", 64)}).error().code.number, kBadPartition.number);
  EXPECT_FALSE(partition_type("ext4"));
}

}  // namespace
}  // namespace aloft::storage
