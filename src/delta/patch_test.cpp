#include "delta/patch.hpp"

#include <gtest/gtest.h>

#include "crypto/test_pki.hpp"
#include "delta/description.hpp"
#include "delta/errors.hpp"
#include "delta/gzip_deflate.hpp"
#include "delta/view_source.hpp"

namespace aloft::delta {
namespace {

Plan plan_of_two_images() {
  Plan plan;
  plan.images.push_back({.name = "boot", .source_bytes = 0, .target_bytes = 5, .frame_shift = 16, .record_bytes = {7}});
  plan.images.push_back({.name = "rootfs",
                         .source_bytes = 9,
                         .target_bytes = 200'000,
                         .frame_shift = 17,
                         .encoder = 10504,
                         .encoder_level = 9,
                         .codings = {{.compressor = Compressor::zstd, .version = library_version(Compressor::zstd), .level = 19},
                                     {.compressor = Compressor::zlib}},
                         .record_bytes = {3, 4}});
  plan.bundle = BundleText{std::string(5000, '{'), Bytes(70, std::byte{3})};
  return plan;
}

std::uint16_t error_of(ByteView bytes) {
  ViewSource source(bytes);
  const auto patch = Patch::open(source);
  return patch ? std::uint16_t{0} : patch.error().code.number;
}

TEST(Patch, WhatWasWrittenIsRead) {
  const Plan plan = plan_of_two_images();
  Bytes bytes = crypto::test::must(encode_plan(plan));
  const std::size_t head = bytes.size();
  for (int i = 0; i < 14; ++i) bytes.push_back(static_cast<std::byte>(i));
  ViewSource source(bytes);
  Patch patch = crypto::test::must(Patch::open(source));
  ASSERT_EQ(patch.images().size(), 2U);
  EXPECT_EQ(patch.images()[1].name, "rootfs");
  EXPECT_EQ(patch.images()[1].encoder, 10504U);
  EXPECT_EQ(patch.images()[1].encoder_level, 9U);
  EXPECT_EQ(patch.images()[1].codings, plan.images[1].codings);
  EXPECT_EQ(patch.bundle()->manifest_text, plan.bundle->manifest_text);
  EXPECT_EQ(patch.bundle()->signature, plan.bundle->signature);
  EXPECT_EQ(patch.header_bytes(), head);
  EXPECT_EQ(patch.size_bytes(), head + 14);
  Bytes record;
  crypto::test::must(patch.fetch_record(1, 1, record));
  EXPECT_EQ(record, Bytes(bytes.end() - 4, bytes.end()));
}

TEST(Patch, TreesAreVersionFiveAndNoOlderOneHasThem) {
  Plan plan = plan_of_two_images();
  plan.images[1].files = crypto::test::must(FileMap::of({{.offset = 3, .size_bytes = 4, .path = "etc/hosts"}}, 9));
  Bytes bytes = crypto::test::must(encode_plan(plan));
  EXPECT_EQ(load_le32(ByteView(bytes).subspan(8)), 5U);
  {
    ViewSource source(bytes);
    const Patch patch = crypto::test::must(Patch::open(source));
    EXPECT_EQ(patch.version(), 5U);
    EXPECT_FALSE(patch.images()[0].is_of_tree());
    EXPECT_EQ(patch.images()[1].files.at_or_behind(0)->path, "etc/hosts");
  }
  const Bytes text = crypto::test::must(encode_description(plan));
  for (const std::size_t size : {text.size() - 1, text.size() - plan.images[1].files.text().size() - 1}) {
    Plan same;
    EXPECT_EQ(parse_description(ByteView(text).first(size), same).error().code.number, kBadDelta.number) << size;
  }
  Bytes of_none = crypto::test::must(encode_description(plan_of_two_images()));
  of_none.resize(of_none.size() + 2);
  Plan same;
  EXPECT_EQ(parse_description(of_none, same).error().code.number, kBadDelta.number) << "lists of no files";

  store_le32(std::span(bytes).subspan(8), 4);
  crypto::Sha256 hash;
  hash.update(ByteView(bytes).first(32));
  hash.update(ByteView(bytes).subspan(64));
  std::ranges::copy(hash.finish(), bytes.begin() + 32);
  EXPECT_EQ(error_of(bytes), kBadDelta.number);
}

TEST(Patch, ModelledDifferencesAreVersionTwo) {
  Plan plan = plan_of_two_images();
  EXPECT_EQ(load_le32(ByteView(crypto::test::must(encode_plan(plan))).subspan(8)), 1U);
  plan.images[1].modelled = true;
  const Bytes bytes = crypto::test::must(encode_plan(plan));
  EXPECT_EQ(load_le32(ByteView(bytes).subspan(8)), 2U);
  ViewSource source(bytes);
  const Patch patch = crypto::test::must(Patch::open(source));
  EXPECT_EQ(patch.version(), 2U);
  EXPECT_TRUE(patch.images()[1].modelled);
  Bytes newer = bytes;
  newer[8] = std::byte{kNewestFormat + 1};
  EXPECT_EQ(error_of(newer), kDeltaVersion.number);
}

TEST(Patch, CodeOfArm64IsVersionSix) {
  Plan plan = plan_of_two_images();
  plan.images[1].processor = Processor::arm64;
  const Bytes bytes = crypto::test::must(encode_plan(plan));
  EXPECT_EQ(load_le32(ByteView(bytes).subspan(8)), 6U);
  ViewSource source(bytes);
  const Patch patch = crypto::test::must(Patch::open(source));
  EXPECT_EQ(patch.version(), 6U);
  EXPECT_EQ(patch.images()[0].processor, Processor::x86);
  EXPECT_EQ(patch.images()[1].processor, Processor::arm64);
  Bytes text = crypto::test::must(encode_description(plan));
  for (const auto& [last, cut] :
       std::vector<std::pair<int, int>>{{4, 0}, {0, 0}, {1, 1}}) {  // a processor that there is not, none of them, one too few
    Bytes bad = text;
    bad.back() = static_cast<std::byte>(last);
    bad.resize(bad.size() - static_cast<std::size_t>(cut));
    Plan same;
    EXPECT_EQ(parse_description(bad, same).error().code.number, kBadDelta.number) << last;
  }
  Bytes making;
  put_making(making, plan.images[1]);
  Input in(making);
  EXPECT_EQ(crypto::test::must(take_making(in)).processor, Processor::arm64);
  EXPECT_TRUE(in.empty());
}

TEST(Patch, CodeOf32BitArmAndRiscvIsVersionSeven) {
  for (const Processor processor : {Processor::arm32, Processor::riscv}) {
    Plan plan = plan_of_two_images();
    plan.images[0].processor = Processor::arm64;
    plan.images[1].processor = processor;
    Bytes bytes = crypto::test::must(encode_plan(plan));
    EXPECT_EQ(load_le32(ByteView(bytes).subspan(8)), 7U);
    ViewSource source(bytes);
    const Patch patch = crypto::test::must(Patch::open(source));
    EXPECT_EQ(patch.version(), 7U);
    EXPECT_EQ(patch.images()[0].processor, Processor::arm64);
    EXPECT_EQ(patch.images()[1].processor, processor);
    // As of a version that has no such code.
    bytes[8] = std::byte{6};
    crypto::Sha256 hash;
    hash.update(ByteView(bytes).first(32));
    hash.update(ByteView(bytes).subspan(kHeaderBytes));
    std::ranges::copy(hash.finish(), bytes.begin() + 32);
    ViewSource older(bytes);
    const auto refused = Patch::open(older);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code.number, kBadDelta.number);
  }
}

TEST(Patch, StreamsAreVersionThree) {
  Plan plan = plan_of_two_images();
  plan.images[1].codings = {{.compressor = Compressor::gzip, .version = kGzipModelVersion, .level = 6},
                            {.compressor = Compressor::lz4_stream}};
  Bytes bytes = crypto::test::must(encode_plan(plan));
  EXPECT_EQ(load_le32(ByteView(bytes).subspan(8)), 3U);
  ViewSource source(bytes);
  const Patch patch = crypto::test::must(Patch::open(source));
  EXPECT_EQ(patch.version(), 3U);
  EXPECT_TRUE(patch.images()[1].modelled);
  EXPECT_EQ(patch.images()[1].codings, plan.images[1].codings);
  for (const BlockCoding& bad : {BlockCoding{.compressor = Compressor::gzip, .version = kGzipModelVersion, .level = 3},
                                 BlockCoding{.compressor = Compressor::gzip, .version = kGzipModelVersion, .level = 6, .variant = 1},
                                 BlockCoding{.compressor = Compressor::lz4_stream, .version = 1, .level = 13}}) {
    plan.images[1].codings[0] = bad;
    EXPECT_FALSE(encode_plan(plan));
  }
}

TEST(Patch, BlocksOfAGivenSizeAreVersionFour) {
  Plan plan = plan_of_two_images();
  plan.images[1].codings = {{.compressor = Compressor::lz4_fixed, .version = 10904, .level = 9}, {.compressor = Compressor::lz4_fixed}};
  const Bytes bytes = crypto::test::must(encode_plan(plan));
  ViewSource source(bytes);
  const Patch patch = crypto::test::must(Patch::open(source, PatchUse::look));
  EXPECT_EQ(patch.version(), 4U);
  EXPECT_EQ(patch.images()[1].codings, plan.images[1].codings);
  Bytes older = bytes;
  older[8] = std::byte{3};
  EXPECT_NE(error_of(older), 0);
  for (const BlockCoding& bad : {BlockCoding{.compressor = Compressor::lz4_fixed, .version = 1, .level = 13},
                                 BlockCoding{.compressor = Compressor::lz4_fixed, .version = 1, .level = 9, .variant = 1},
                                 BlockCoding{.compressor = Compressor::lz4_fixed, .version = 1, .level = 0, .variant = 2}}) {
    plan.images[1].codings[0] = bad;
    EXPECT_FALSE(encode_plan(plan));
  }
}

TEST(Patch, WholeFilesAreVersionEight) {
  Plan plan = plan_of_two_images();
  plan.images[1].codings = {{.compressor = Compressor::xz_file, .version = 50040012, .level = 6, .window = 1 << 20, .variant = kXzSizes},
                            {.compressor = Compressor::zstd_file, .version = 10504, .level = 3, .variant = 1},
                            {.compressor = Compressor::xz_file}};
  const Bytes bytes = crypto::test::must(encode_plan(plan));
  ViewSource source(bytes);
  const Patch patch = crypto::test::must(Patch::open(source, PatchUse::look));
  EXPECT_EQ(patch.version(), 8U);
  EXPECT_EQ(patch.images()[1].codings, plan.images[1].codings);
  Bytes older = bytes;
  older[8] = std::byte{7};
  EXPECT_NE(error_of(older), 0);
}

TEST(Patch, EveryCutAndEveryDamagedByteIsAnError) {
  const Bytes bytes = crypto::test::must(encode_plan(plan_of_two_images()));
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_NE(error_of(ByteView(bytes).first(cut)), 0) << cut;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    Bytes damaged = bytes;
    damaged[at] ^= std::byte{1};
    EXPECT_NE(error_of(damaged), 0) << at;
  }
}

TEST(Patch, ForAnotherVersionOfACompressorItCanBeLookedAtOnly) {
  Plan plan = plan_of_two_images();
  ++plan.images[1].codings[0].version;
  const Bytes bytes = crypto::test::must(encode_plan(plan));
  EXPECT_EQ(error_of(bytes), kEncoderVersion.number);
  ViewSource source(bytes);
  EXPECT_TRUE(Patch::open(source, PatchUse::look));
}

TEST(Patch, ARecordThatTheFileDoesNotHaveIsAnError) {
  const Bytes bytes = crypto::test::must(encode_plan(plan_of_two_images()));
  ViewSource source(bytes);
  Patch patch = crypto::test::must(Patch::open(source));
  Bytes record;
  const auto fetched = patch.fetch_record(0, 0, record);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code.number, kDeltaTruncated.number);
}

TEST(Patch, PlansThatNoReaderTakesAreNotWritten) {
  const struct {
    const char* name;
    void (*spoil)(Plan&);
  } cases[] = {
      {"no image", [](Plan& plan) { plan.images.clear(); }},
      {"an empty image", [](Plan& plan) { plan.images[0].target_bytes = 0; }},
      {"a name", [](Plan& plan) { plan.images[0].name = "../x"; }},
      {"too few records", [](Plan& plan) { plan.images[1].record_bytes.pop_back(); }},
      {"an empty record", [](Plan& plan) { plan.images[1].record_bytes[0] = 0; }},
      {"a record that is too large", [](Plan& plan) { plan.images[0].record_bytes[0] = 200; }},
      {"small frames", [](Plan& plan) { plan.images[1].frame_shift = 15; }},
      {"large frames", [](Plan& plan) { plan.images[1].frame_shift = 23; }},
      {"several images without a manifest", [](Plan& plan) { plan.bundle.reset(); }},
      {"a compressor's level", [](Plan& plan) { plan.images[1].codings[0].level = 23; }},
      {"too many compressors", [](Plan& plan) { plan.images[1].codings.resize(9); }},
      {"a huge image", [](Plan& plan) { plan.images[1].target_bytes = UINT64_MAX; }},
  };
  for (const auto& one : cases) {
    Plan plan = plan_of_two_images();
    one.spoil(plan);
    const auto encoded = encode_description(plan);
    ASSERT_FALSE(encoded) << one.name;
    EXPECT_EQ(encoded.error().code.number, kCannotMake.number) << one.name;
  }
}

}  // namespace
}  // namespace aloft::delta
