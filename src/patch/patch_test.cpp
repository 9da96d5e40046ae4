#include <gtest/gtest.h>

#include <fstream>

#include "base/test_tar.hpp"
#include "bundle/frame_encoder.hpp"
#include "bundle/test_bundle.hpp"
#include "delta/errors.hpp"
#include "delta/make/test_images.hpp"
#include "patch/apply.hpp"
#include "patch/make.hpp"
#include "patch/tar_files.hpp"

namespace aloft::patch {
namespace {

using aloft::test::Member;
using aloft::test::tar_of;
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

std::string text(std::size_t size, std::uint32_t seed) { return std::string(as_text(bundle::test::test_content(size, seed))); }

std::vector<Member> tree() {
  return {{.path = "./", .type = S_IFDIR},
          {.path = "./etc/hosts", .content = text(300, 1)},
          {.path = "./etc/empty"},
          {.path = "./" + std::string(120, 'x') + "/" + std::string(90, 'y'), .content = text(5'000, 2)},
          {.path = "usr//lib/./library", .content = text(400'000, 3)},
          {.path = "usr/alias", .hard_link = "usr/lib/library"},
          {.path = "usr/link", .type = S_IFLNK, .content = "elsewhere"},
          {.path = "usr/../../out", .content = text(700, 4)},
          {.path = "var/log", .content = text(2'000, 5)}};
}

TEST(TarFiles, AreFoundWithTheirPlaces) {
  const Bytes tar = tar_of(tree());
  const auto runs = files_in(tar);
  ASSERT_EQ(runs.size(), 4U);
  const std::vector<std::size_t> members{1, 3, 4, 8};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string content = tree()[members[i]].content;
    ASSERT_EQ(runs[i].size_bytes, content.size());
    EXPECT_EQ(as_text(ByteView(tar).subspan(runs[i].offset, content.size())), content);
    EXPECT_EQ(runs[i].file_offset, 0U);
  }
  EXPECT_EQ(runs[0].path, "etc/hosts");
  EXPECT_EQ(runs[2].path, "usr/lib/library");
  EXPECT_TRUE(delta::FileMap::of(runs, tar.size()));
}

TEST(TarFiles, HaveNamesInUtf8AndOneThatIsNoneEndsNothing) {
  const std::string folder(120, 'x');
  const std::string letters = folder + "/F\xc5\x91tan\xc3\xba";
  const auto runs =
      files_in(tar_of({{.path = letters, .content = "1"}, {.path = folder + "/\xff", .content = "2"}, {.path = "b", .content = "3"}}));
  std::vector<std::string> paths;
  for (const auto& run : runs) paths.push_back(run.path);
  EXPECT_EQ(paths, (std::vector<std::string>{letters, "b"}));
}

// As GNU tar writes one in pax archives: a block that says what lies where, and that.
TEST(TarFiles, OfASparseFileWhatIsThere) {
  using aloft::test::pax_record;
  std::string map = "2\n100000\n512\n1000000\n9000\n";
  map.resize(aloft::test::kTarBlock, '\0');
  std::string tar;
  aloft::test::put_member(tar, "pax", 'x', "",
                          pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") + pax_record("GNU.sparse.name", "s") +
                              pax_record("GNU.sparse.realsize", "1009000"),
                          0644);
  aloft::test::put_member(tar, "GNUSparseFile.0/s", '0', "", map + text(9'512, 1), 0644);
  tar.resize(tar.size() + 2 * aloft::test::kTarBlock);
  const std::uint64_t data = 4 * aloft::test::kTarBlock;
  const std::vector<delta::FileRun> expected{{.offset = data, .size_bytes = 512, .path = "s", .file_offset = 100'000},
                                             {.offset = data + 512, .size_bytes = 9'000, .path = "s", .file_offset = 1'000'000}};
  EXPECT_EQ(files_in(as_bytes(tar)), expected);
}

TEST(TarFiles, ThoseThatNoMapCanNameAreLeftOut) {
  std::vector<Member> members = tree();
  members.insert(members.begin() + 2, {.path = "etc/hosts", .content = text(900, 6)});
  members.push_back({.path = std::string(256, 'z'), .content = text(900, 7)});
  const Bytes tar = tar_of(members);
  const auto runs = files_in(tar);
  EXPECT_EQ(runs.size(), 4U);
  EXPECT_TRUE(delta::FileMap::of(runs, tar.size()));
}

TEST(TarFiles, OfADamagedArchiveThoseBeforeTheDamage) {
  const Bytes tar = tar_of(tree());
  EXPECT_TRUE(files_in(bundle::test::test_content(10'000)).empty());
  EXPECT_TRUE(files_in({}).empty());
  for (std::size_t size = 0; size < tar.size(); size += 10'007) {
    const auto runs = files_in(ByteView(tar).first(size));
    EXPECT_TRUE(runs.empty() || runs.back().offset_end() <= size);
  }
}

class TreeDelta : public BundleDelta {
 protected:
  std::filesystem::path tree_bundle(const std::string& name, const Bytes& tar) {
    Built built = bundle::test::build({{.name = "rootfs", .content = tar}});
    built.manifest.images.front().type = "tar";
    return write(name, bundle::test::sealed(built, {}));
  }
};

TEST_F(TreeDelta, StartsFromFilesAlone) {
  std::vector<Member> members = tree();
  const Bytes old_tar = tar_of(members);
  tree_bundle("old", old_tar);
  std::swap(members[4], members[8]);
  members[4].path = "var/moved";
  members[8].content[100] ^= 1;
  const Bytes new_tar = tar_of(members);
  const auto to = tree_bundle("new", new_tar);
  const auto delta = made();
  ASSERT_TRUE(delta) << delta.error().text();
  EXPECT_LT(delta->size_bytes, 6'000U);
  const delta::ImagePlan& plan = delta->plan.images.front();
  EXPECT_EQ(plan.files.count(), 4U);
  EXPECT_EQ(plan.source_bytes, old_tar.size());
  EXPECT_EQ(plan.source_sha256, crypto::sha256(old_tar)) << "devices and servers know the old image by its manifest";
  ASSERT_TRUE(apply());
  EXPECT_EQ(must(read_file(folder_ / "out")), must(read_file(to)));

  // No byte of a header is read: with all of them gone the same comes out.
  Bytes files_only(old_tar.size());
  for (const auto& run : files_in(old_tar))
    std::copy_n(old_tar.begin() + static_cast<std::ptrdiff_t>(run.offset), run.size_bytes,
                files_only.begin() + static_cast<std::ptrdiff_t>(run.offset));
  const auto source = must(bundle::open_source(folder_ / "delta"));
  auto patch = must(delta::Patch::open(*source));
  delta::ViewSource old(files_only);
  delta::ImageFrames frames(patch, 0);
  Bytes made_again;
  for (std::uint64_t frame = 0; frame < plan.frame_count(); ++frame) {
    Bytes content(static_cast<std::size_t>(plan.content_bytes(frame)));
    must(frames.make(frame, old, content));
    delta::test::append(made_again, content);
  }
  EXPECT_EQ(made_again, new_tar);
}

TEST_F(TreeDelta, WhatIsNoArchiveIsNoSource) {
  tree_bundle("old", bundle::test::test_content(200'000));
  const auto to = tree_bundle("new", bundle::test::test_content(200'000));
  const auto delta = made();
  ASSERT_TRUE(delta) << delta.error().text();
  EXPECT_EQ(delta->plan.images.front().source_bytes, 0U);
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
