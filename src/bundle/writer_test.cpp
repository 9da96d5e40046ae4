#include "bundle/writer.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/random.hpp"
#include "bundle/blocks.hpp"
#include "bundle/errors.hpp"
#include "bundle/test_bundle.hpp"

namespace aloft::bundle {
namespace {

using crypto::test::Authority;
using crypto::test::kNow;
using crypto::test::must;

class WriterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder);
    content = test::test_content(1'000'000);
    std::fill_n(content.begin() + 300'000, 400'000, std::byte{0});
    must(replace_file(folder / "root.img", as_text(content)));
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Recipe recipe() const {
    return {.product = "lab",
            .hardware = {"rev-a"},
            .version = "1.0",
            .images = {{.name = "rootfs",
                        .slot_class = "rootfs",
                        .path = folder / "root.img",
                        .frame_size_bytes = kMinFrameBytes,
                        .blocks = BlockNames::include}}};
  }

  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / ("aloft_writer_test." + std::to_string(::getpid()));
  Bytes content;
};

TEST_F(WriterTest, ThreadsDoNotChangeTheBytes) {
  std::string expected;
  for (const unsigned threads : {1U, 2U, 7U}) {
    auto wanted = recipe();
    wanted.threads = threads;
    const auto package = must(pack(wanted, folder, nullptr));
    must(write_bundle(folder / "out.aloft", package, {}));
    const auto bytes = must(read_file(folder / "out.aloft"));
    if (expected.empty()) expected = bytes;
    EXPECT_EQ(bytes, expected) << threads;
  }
}

TEST_F(WriterTest, ReaderGivesTheImageBack) {
  const Authority root;
  const std::vector signers{root.issue(crypto::KeyType::ed25519)};
  std::uint64_t last = 0;
  const auto package = must(pack(recipe(), folder, [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, content.size());
    last = done;
  }));
  EXPECT_EQ(last, content.size());
  must(write_bundle(folder / "out.aloft", package, must(crypto::sign_detached(as_bytes(package.manifest_text), signers))));

  const auto source = must(open_source(folder / "out.aloft"));
  auto reader = must(Reader::open(*source, root.trust(), kNow));
  const Image& image = reader.manifest().images[0];
  Bytes read(content.size());
  Bytes stored;
  FrameDecoder decoder;
  for (std::uint64_t frame = 0; frame < image.frame_count(); ++frame) {
    must(reader.fetch_frame(0, frame, stored));
    must(decoder.decode(image, frame, stored, std::span(read).subspan(frame * kMinFrameBytes, image.frame_content_bytes(frame))));
  }
  EXPECT_EQ(read, content);
  EXPECT_EQ(image.sha256, crypto::sha256(content));
  must(reader.fetch_blocks(0, stored));
  EXPECT_EQ(must(BlockTable::parse(image, stored)).at(0, 0).name, block_name(ByteView(content).first(4096)));
  must(reader.check_end());
}

TEST_F(WriterTest, FramesThatDoNotCompressStayWithinTheirBound) {
  for (const std::uint32_t frame_bytes : {kMinFrameBytes, kMaxFrameBytes}) {
    for (const int level : {1, 19}) {
      FrameEncoder encoder(Encoding::zstd, level, frame_bytes, BlockNames::omit);
      Bytes noise(frame_bytes);
      SeededRandom(7).fill(noise);
      PackedFrame packed;
      must(encoder.encode(noise, packed));
      const Image image{.name = "noise",
                        .size_bytes = frame_bytes,
                        .frame_size_bytes = frame_bytes,
                        .frames = {packed.content_sha256},
                        .stored = {{static_cast<std::uint32_t>(packed.stored.size()), packed.stored_sha256}}};
      Bytes back(frame_bytes);
      must(FrameDecoder().decode(image, 0, packed.stored, back));
      EXPECT_EQ(back, noise);
    }
  }
}

TEST_F(WriterTest, BadRecipesAreRefused) {
  const auto with = [&](auto change) {
    Recipe bad = recipe();
    change(bad);
    const auto package = pack(bad, folder, nullptr);
    return package ? 0 : package.error().code.number;
  };
  EXPECT_EQ(with([](Recipe&) {}), 0);
  EXPECT_EQ(with([](Recipe& r) { r.product = "a b"; }), kBadRecipe.number);
  EXPECT_EQ(with([](Recipe& r) { r.version = ""; }), kBadRecipe.number);
  EXPECT_EQ(with([](Recipe& r) { r.hardware.clear(); }), kBadRecipe.number);
  EXPECT_EQ(with([](Recipe& r) { r.images.clear(); }), kBadRecipe.number);
  EXPECT_EQ(with([](Recipe& r) { r.images.push_back(r.images[0]); }), kBadRecipe.number);
  EXPECT_EQ(with([](Recipe& r) { r.images[0].name = "../x"; }), kBadRecipe.number);
  EXPECT_EQ(with([](Recipe& r) { r.images[0].frame_size_bytes = 100'000; }), kBadRecipe.number);
  EXPECT_EQ(with([](Recipe& r) { r.images[0].path = "/dev/null"; }), kBadRecipe.number);
  EXPECT_EQ(with([](Recipe& r) { r.level = 20; }), kBadRecipe.number);
  EXPECT_NE(with([](Recipe& r) { r.images[0].path = "/nowhere/x"; }), 0);
}

TEST_F(WriterTest, AFailedWriteLeavesTheOldFileAndNothingElse) {
  must(replace_file(folder / "out.aloft", "old"));
  const auto source = must(open_source(folder / "root.img"));
  EXPECT_FALSE(write_bundle(folder / "out.aloft", "{}", {}, *source, {.offset_bytes = 0, .size_bytes = content.size() + 1}));
  EXPECT_EQ(must(read_file(folder / "out.aloft")), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 2) << "the old file and the image";
}

}  // namespace
}  // namespace aloft::bundle
