#include <gtest/gtest.h>

#include <fstream>

#include "bundle/frame_encoder.hpp"
#include "bundle/test_bundle.hpp"
#include "delta/errors.hpp"
#include "delta/make/test_images.hpp"
#include "patch/apply.hpp"
#include "patch/make.hpp"

namespace aloft::patch {
namespace {

using bundle::test::Built;
using crypto::test::must;

class BundleDelta : public delta::test::Folder {
 protected:
  static Bytes content(bool with_change) {
    Bytes bytes = bundle::test::test_content(600'000);
    if (with_change) std::fill_n(bytes.begin() + 300'000, 1000, std::byte{'n'});
    return bytes;
  }

  // A bundle of 64 KiB frames at level 3, but for those frames to which another level is given.
  std::filesystem::path bundle(const std::string& name, const Bytes& content, const std::function<int(std::uint64_t)>& level) {
    Built built = bundle::test::build({{.name = "rootfs", .content = content}});
    bundle::Image& image = built.manifest.images.front();
    built.payload.clear();
    for (std::uint64_t frame = 0; frame < image.frame_count(); ++frame) {
      bundle::FrameEncoder encoder(bundle::Encoding::zstd, level(frame), bundle::kMinFrameBytes, bundle::BlockNames::omit);
      bundle::PackedFrame packed;
      must(encoder.encode(ByteView(content).subspan(frame * bundle::kMinFrameBytes, image.frame_content_bytes(frame)), packed));
      image.stored[frame] = {static_cast<std::uint32_t>(packed.stored.size()), packed.stored_sha256};
      delta::test::append(built.payload, packed.stored);
    }
    return write(name, bundle::test::sealed(built, {}));
  }

  Result<Made> made() { return make_delta(folder_ / "old", folder_ / "new", folder_ / "delta", {.limits = {}, .threads = 1}, {}); }

  Result<> apply() {
    const auto source = must(bundle::open_source(folder_ / "delta"));
    auto patch = must(delta::Patch::open(*source));
    return apply_delta(folder_ / "old", patch, folder_ / "out", {});
  }
};

TEST_F(BundleDelta, FramesThatTheFoundLevelDoesNotMakeTravelAsStored) {
  bundle("old", content(false), [](std::uint64_t) { return 3; });
  const auto to = bundle("new", content(true), [](std::uint64_t frame) { return frame == 4 ? 19 : 3; });
  const auto delta = made();
  ASSERT_TRUE(delta) << delta.error().text();
  EXPECT_EQ(delta->frames_as_stored, 1U);
  EXPECT_NE(delta->plan.images.front().encoder, 0U);
  ASSERT_TRUE(apply());
  EXPECT_EQ(must(read_file(folder_ / "out")), must(read_file(to)));
}

TEST_F(BundleDelta, WithoutALevelTheBundleCannotBePutTogetherAndTheDeltaSaysSo) {
  bundle("old", content(false), [](std::uint64_t) { return 3; });
  bundle("new", content(true), [](std::uint64_t frame) { return frame % 2 == 0 ? 19 : 1; });
  const auto delta = made();
  ASSERT_TRUE(delta) << delta.error().text();
  EXPECT_TRUE(delta->unknown_encoder.contains("rootfs"));
  EXPECT_EQ(delta->plan.images.front().encoder, 0U);
  const auto done = apply();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code.number, delta::kOtherEncoder.number);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
}

}  // namespace
}  // namespace aloft::patch
