#include "delta/block_coding.hpp"

#include <gtest/gtest.h>

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
                                      {.compressor = Compressor::lz4, .level = 0}};
  for (BlockCoding& coding : codings) coding.version = library_version(coding.compressor);
  return codings;
}

Bytes some_text() {
  Bytes text;
  for (int i = 0; text.size() < 100'000; ++i) {
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
                                {.compressor = Compressor::lz4, .version = 1, .level = 13}})
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
