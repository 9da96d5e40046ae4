#include "delta/block_coding.hpp"

#include <gtest/gtest.h>
#include <lzma.h>
#include <zstd.h>

#include "crypto/test_pki.hpp"
#include "delta/errors.hpp"

namespace aloft::delta {
namespace {

using crypto::test::must;

std::vector<BlockCoding> one_of_each() {
  std::vector<BlockCoding> codings = {{.compressor = Compressor::zstd, .level = 19},
                                      {.compressor = Compressor::xz, .level = 6, .window = 131072},
                                      {.compressor = Compressor::xz, .level = 6, .window = 8192, .variant = 4},
                                      {.compressor = Compressor::zlib, .level = 9, .window = 15},
                                      {.compressor = Compressor::lz4, .level = 12},
                                      {.compressor = Compressor::lz4, .level = 0},
                                      {.compressor = Compressor::xz_file, .level = 6, .window = 1 << 20, .variant = kXzSizes},
                                      {.compressor = Compressor::xz_file, .level = 0, .window = 1 << 21, .variant = kXzCrc64},
                                      {.compressor = Compressor::zstd_file, .level = 3, .variant = 1}};
  for (BlockCoding& coding : codings) coding.version = library_version(coding.compressor);
  return codings;
}

Bytes some_text(std::size_t size_bytes = 100'000) {
  Bytes text;
  for (std::uint64_t i = 0; text.size() < size_bytes; ++i) {
    const std::string line = "line " + std::to_string(i * i) + " of a text\n";
    text.insert(text.end(), as_bytes(line).begin(), as_bytes(line).end());
  }
  return text;
}

TEST(BlockCoding, WhatIsPackedUnpacksAndPacksToTheSame) {
  const Bytes text = some_text();
  Coders coders(one_of_each());
  for (std::size_t i = 0; i < one_of_each().size(); ++i) {
    BlockCoder* coder = must(coders.at(i));
    Bytes packed(text.size());
    packed.resize(must(coder->encode(text, packed)));
    EXPECT_LT(packed.size(), text.size() / 2) << i;
    Bytes content(text.size() + 10);
    EXPECT_EQ(must(coder->decode(packed, content)), text.size()) << i;
    content.resize(text.size());
    EXPECT_EQ(content, text) << i;
    Bytes again(packed.size());
    EXPECT_EQ(must(coder->encode(content, again)), packed.size()) << i;
    EXPECT_EQ(again, packed) << i;
  }
}

TEST(BlockCoding, AnyNumberOfCodingsCanBeUsedInTurn) {
  const Bytes text = some_text();
  Coders coders(one_of_each());
  std::vector<Bytes> first;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < one_of_each().size(); ++i) {
      Bytes packed(text.size());
      packed.resize(must(must(coders.at(i))->encode(text, packed)));
      if (round == 0) first.push_back(packed);
      EXPECT_EQ(packed, first[i]) << i;
    }
  }
}

// As xz does it, by one thread or several.
Bytes packed_by_xz(ByteView content, bool threads, lzma_check check) {
  lzma_options_lzma options{};
  lzma_lzma_preset(&options, 6);
  options.dict_size = 1 << 20;
  lzma_filter filters[2] = {{.id = LZMA_FILTER_LZMA2, .options = &options}, {.id = LZMA_VLI_UNKNOWN, .options = nullptr}};
  lzma_mt several{};
  several.threads = 2;
  several.filters = filters;
  several.check = check;
  lzma_stream stream = LZMA_STREAM_INIT;
  EXPECT_EQ(threads ? lzma_stream_encoder_mt(&stream, &several) : lzma_stream_encoder(&stream, filters, check), LZMA_OK);
  Bytes packed(content.size() + 1000);
  stream.next_in = reinterpret_cast<const std::uint8_t*>(content.data());
  stream.avail_in = content.size();
  stream.next_out = reinterpret_cast<std::uint8_t*>(packed.data());
  stream.avail_out = packed.size();
  EXPECT_EQ(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  lzma_end(&stream);
  return packed;
}

TEST(BlockCoding, FilesArePackedAsXzDoesIt) {
  const Bytes text = some_text(1'500'000);
  for (const bool threads : {false, true}) {
    for (const lzma_check check : {LZMA_CHECK_CRC32, LZMA_CHECK_CRC64}) {
      for (const std::size_t size : {std::size_t{3'001}, text.size()}) {
        const std::uint64_t variant = (threads ? kXzSizes : 0) | (check == LZMA_CHECK_CRC64 ? kXzCrc64 : 0);
        Coders coders({{.compressor = Compressor::xz_file,
                        .version = library_version(Compressor::xz_file),
                        .level = 6,
                        .window = 1 << 20,
                        .variant = variant}});
        const ByteView content = ByteView(text).first(size);
        const Bytes wanted = packed_by_xz(content, threads, check);
        Bytes packed(wanted.size());
        EXPECT_EQ(must(must(coders.at(0))->encode(content, packed)), wanted.size()) << variant;
        EXPECT_EQ(packed, wanted) << variant << " " << size;
      }
    }
  }
}

// As zstd reads a file: in steps, its size known.
TEST(BlockCoding, FilesArePackedAsZstdDoesIt) {
  const Bytes text = some_text(1'500'000);
  Coders coders({{.compressor = Compressor::zstd_file, .version = library_version(Compressor::zstd_file), .level = 3, .variant = 1},
                 {.compressor = Compressor::zstd_file, .version = library_version(Compressor::zstd_file), .level = 19}});
  ZSTD_CCtx* encoder = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(encoder, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setPledgedSrcSize(encoder, text.size());
  Bytes wanted(text.size());
  ZSTD_outBuffer out{wanted.data(), wanted.size(), 0};
  for (std::size_t at = 0; at < text.size(); at += ZSTD_CStreamInSize()) {
    ZSTD_inBuffer in{text.data() + at, std::min(ZSTD_CStreamInSize(), text.size() - at), 0};
    ZSTD_compressStream2(encoder, &out, &in, at + in.size == text.size() ? ZSTD_e_end : ZSTD_e_continue);
  }
  ZSTD_freeCCtx(encoder);
  wanted.resize(out.pos);
  Bytes packed(wanted.size());
  EXPECT_EQ(must(must(coders.at(0))->encode(text, packed)), wanted.size());
  EXPECT_EQ(packed, wanted);
  packed.resize(text.size());
  EXPECT_FALSE(must(coders.at(1))->encode(text, packed));  // takes too much memory for so much
  EXPECT_TRUE(must(coders.at(1))->encode(ByteView(text).first(kMaxBlockBytes), packed));
}

TEST(BlockCoding, WhatDoesNotFitOrIsNoBlockIsAnError) {
  const Bytes text = some_text();
  Coders coders(one_of_each());
  for (std::size_t i = 0; i < one_of_each().size(); ++i) {
    BlockCoder* coder = must(coders.at(i));
    Bytes packed(text.size());
    packed.resize(must(coder->encode(text, packed)));
    Bytes small(packed.size() - 1);
    const auto encoded = coder->encode(text, small);
    ASSERT_FALSE(encoded) << i;
    EXPECT_EQ(encoded.error().code.number, kBadRecord.number);
    Bytes content(text.size());
    const auto cut = coder->decode(ByteView(packed).first(packed.size() - 1), content);
    EXPECT_TRUE(!cut || *cut != text.size()) << i;
    content.resize(100);
    const auto bomb = coder->decode(packed, content);
    ASSERT_FALSE(bomb) << i;
    EXPECT_EQ(bomb.error().code.number, kWrongSource.number);
  }
  EXPECT_FALSE(coders.at(one_of_each().size()));
}

TEST(BlockCoding, SettingsAreHeldToTheirLimits) {
  for (const BlockCoding& coding : one_of_each()) EXPECT_TRUE(is_valid(coding));
  EXPECT_TRUE(is_valid({.compressor = Compressor::xz}));  // only taken apart
  for (const BlockCoding& coding :
       std::vector<BlockCoding>{{.compressor = Compressor::zstd, .version = 1, .level = 23},
                                {.compressor = Compressor::zstd, .version = 1},
                                {.compressor = Compressor::zstd, .level = 1},
                                {.compressor = Compressor::xz, .version = 1, .level = 6, .window = 4095},
                                {.compressor = Compressor::xz, .version = 1, .level = 6, .window = 1 << 21},
                                {.compressor = Compressor::xz, .version = 1, .level = 10, .window = 1 << 16},
                                {.compressor = Compressor::xz, .version = 1, .level = 6, .window = 8192, .variant = 3},
                                {.compressor = Compressor::zlib, .version = 1, .level = 10, .window = 15},
                                {.compressor = Compressor::zlib, .version = 1, .level = 9, .window = 16},
                                {.compressor = Compressor::zlib, .version = 1, .level = 9, .window = 15, .variant = 5},
                                {.compressor = Compressor::lz4, .version = 1, .level = 13},
                                {.compressor = Compressor::xz_file, .version = 1, .level = 10, .window = 1 << 20},
                                {.compressor = Compressor::xz_file, .version = 1, .level = 6, .window = (1 << 21) + 1},
                                {.compressor = Compressor::xz_file, .version = 1, .level = 6, .window = 4095},
                                {.compressor = Compressor::xz_file, .version = 1, .level = 6, .window = 1 << 20, .variant = 4},
                                {.compressor = Compressor::zstd_file, .version = 1},
                                {.compressor = Compressor::zstd_file, .version = 1, .level = 23},
                                {.compressor = Compressor::zstd_file, .version = 1, .level = 3, .window = 1},
                                {.compressor = Compressor::zstd_file, .version = 1, .level = 3, .variant = 2}})
    EXPECT_FALSE(is_valid(coding)) << name_of(coding.compressor);
}

TEST(BlockCoding, AnotherVersionOfTheLibraryIsRefused) {
  for (BlockCoding coding : one_of_each()) {
    EXPECT_TRUE(check_library(coding));
    ++coding.version;
    const auto checked = check_library(coding);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code.number, kEncoderVersion.number);
  }
  EXPECT_TRUE(check_library({.compressor = Compressor::zlib}));
}

TEST(BlockCoding, VersionsAreToldAsPeopleKnowThem) {
  EXPECT_EQ(version_text({.compressor = Compressor::zstd, .version = 10504}), "1.5.4");
  EXPECT_EQ(version_text({.compressor = Compressor::xz, .version = 50040012}), "5.4.1");
  EXPECT_EQ(version_text({.compressor = Compressor::zlib, .version = 0x12d0}), "1.2.13");
  EXPECT_EQ(version_text({.compressor = Compressor::lz4, .version = 10904}), "1.9.4");
}

}  // namespace
}  // namespace aloft::delta
