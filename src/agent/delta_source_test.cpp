#include "agent/delta_source.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "agent/errors.hpp"
#include "bundle/container.hpp"
#include "crypto/test_pki.hpp"
#include "delta/view_source.hpp"

namespace aloft::agent {
namespace {

using crypto::test::must;

TEST(DeltaSource, ASourceNamesBundleAndDelta) {
  const auto both = split_source("https://x/2.0.aloft#delta=https://y/a.delta");
  EXPECT_EQ(both.bundle, "https://x/2.0.aloft");
  EXPECT_EQ(both.delta, "https://y/a.delta");
  EXPECT_EQ(join_source(both), "https://x/2.0.aloft#delta=https://y/a.delta");
  EXPECT_EQ(split_source("/a#b").bundle, "/a#b");
  EXPECT_TRUE(split_source("/a#b").delta.empty());
  EXPECT_EQ(join_source({"/a", {}}), "/a");
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(absolute_source("x.aloft#delta=https://y/a.delta"), here + "/x.aloft#delta=https://y/a.delta");
  EXPECT_EQ(absolute_source("https://x/a#delta=a.delta"), "https://x/a#delta=" + here + "/a.delta");
}

class Overlay : public ::testing::Test {
 protected:
  Overlay() {
    delta::Plan plan;
    plan.images.push_back({.name = "rootfs", .target_bytes = 5, .frame_shift = 16, .record_bytes = {7}});
    plan.bundle = delta::BundleText{"{manifest}", Bytes(3, std::byte{1})};
    delta_ = must(delta::encode_plan(plan));
    full_ = bundle::encode_preamble(plan.bundle->manifest_text, plan.bundle->signature);
    for (int i = 0; i < 100; ++i) full_.push_back(static_cast<std::byte>(i));
  }

  std::unique_ptr<DeltaOverlay> overlay(std::uint64_t limit_bytes) {
    delta::ViewSource source(delta_);
    const auto patch = must(delta::Patch::open(source));
    const auto open = [this]() -> Result<std::unique_ptr<ByteSource>> {
      ++opened_;
      return std::make_unique<delta::ViewSource>(full_);
    };
    return must(DeltaOverlay::create(patch, open, limit_bytes, true));
  }

  Bytes delta_;
  Bytes full_;
  int opened_ = 0;
};

TEST_F(Overlay, ReadsAsTheFullBundleAndOpensItOnlyWhenItIsNeeded) {
  const auto source = overlay(UINT64_MAX);
  Bytes read(full_.size() - 100);
  EXPECT_EQ(*source->read_at(0, read), read.size());
  EXPECT_EQ(opened_, 0);
  read.resize(full_.size() + 9);
  EXPECT_EQ(*source->read_at(0, read), full_.size());
  read.resize(full_.size());
  EXPECT_EQ(read, full_);
  EXPECT_EQ(opened_, 1);
}

TEST_F(Overlay, KeepsToItsLimit) {
  const auto source = overlay(60);
  Bytes read(50);
  EXPECT_TRUE(source->read_at(full_.size() - 100, read));
  const auto more = source->read_at(full_.size() - 50, read);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code.number, kFallbackLimit.number);
  EXPECT_EQ(source->full_bytes(), 50U);
}

}  // namespace
}  // namespace aloft::agent
