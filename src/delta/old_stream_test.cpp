#include "delta/old_stream.hpp"

#include <gtest/gtest.h>
#include <lz4hc.h>

#include <algorithm>

#include "crypto/test_pki.hpp"
#include "delta/errors.hpp"
#include "delta/gzip_deflate.hpp"
#include "delta/gzip_sample.hpp"
#include "delta/view_source.hpp"

namespace aloft::delta {
namespace {

using crypto::test::must;

// The sample some times over, so that marks and the window have to be given up.
Bytes long_content(std::size_t times) {
  const Bytes sample = test::gzip_sample();
  Bytes content;
  for (std::size_t i = 0; i < times; ++i) {
    content.insert(content.end(), sample.begin(), sample.end());
    content[content.size() - 1 - i] = std::byte{'?'};
  }
  return content;
}

Bytes packed_by(Compressor compressor, ByteView content) {
  Bytes packed(content.size() + 1000);
  if (compressor == Compressor::gzip) {
    packed.resize(GzipDeflate(4).encode({.content = content, .state = {}, .last = true}, packed));
  } else {
    packed.resize(
        static_cast<std::size_t>(LZ4_compress_HC(reinterpret_cast<const char*>(content.data()), reinterpret_cast<char*>(packed.data()),
                                                 static_cast<int>(content.size()), static_cast<int>(packed.size()), 4)));
  }
  return packed;
}

class OldStreams : public ::testing::TestWithParam<Compressor> {};
INSTANTIATE_TEST_SUITE_P(Both, OldStreams, ::testing::Values(Compressor::gzip, Compressor::lz4_stream));

TEST_P(OldStreams, AreReadAtAnyPlaceInAnyOrder) {
  const Bytes content = long_content(22);  // 12 MB: more marks than are kept
  Bytes image(100);
  const Bytes packed = packed_by(GetParam(), content);
  image.insert(image.end(), packed.begin(), packed.end());
  image.resize(image.size() + 50);
  ViewSource source(image);
  OldStream stream(GetParam(), source, 100, packed.size());
  std::uint64_t state = 7;
  std::uint64_t place = 0;
  for (int i = 0; i < 60; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::uint64_t jump = i % 3 == 0 ? (state >> 33) % content.size() : (place + (state >> 50)) % content.size();
    Bytes out(std::min<std::uint64_t>((state >> 44) % 400'000 + 1, content.size() - jump));
    must(stream.read(source, jump, out));
    ASSERT_TRUE(std::ranges::equal(out, ByteView(content).subspan(jump, out.size()))) << i;
    place = jump + out.size();
  }
}

TEST_P(OldStreams, WhatIsNoStreamOrEndsIsAnErrorEachTime) {
  const Bytes content = long_content(1);
  Bytes packed = packed_by(GetParam(), content);
  const auto error = [](OldStream& stream, ByteSource& source, std::uint64_t place) {
    Bytes out(100);
    const auto done = stream.read(source, place, out);
    return done ? std::uint16_t{0} : done.error().code.number;
  };
  ViewSource source(packed);
  OldStream whole(GetParam(), source, 0, packed.size());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(error(whole, source, content.size() - 99), kWrongSource.number);
    EXPECT_EQ(error(whole, source, 0), 0);
  }
  OldStream cut(GetParam(), source, 0, packed.size() - 10);
  EXPECT_EQ(error(cut, source, content.size() - 100), kWrongSource.number);
  std::ranges::fill(packed, std::byte{0xEE});
  OldStream nonsense(GetParam(), source, 0, packed.size());
  EXPECT_EQ(error(nonsense, source, 200'000), kWrongSource.number);
}

TEST(StreamCost, ReadsThatGoOnCostTheirOwnBytes) {
  StreamCost cost;
  EXPECT_EQ(cost.of(5'000'000, 10), StreamCost::kFirstBytes + 10);
  cost.read(5'000'000, 10);
  EXPECT_EQ(cost.of(5'000'010, 10), 10U);
  EXPECT_EQ(cost.of(5'000'000, 10), 0U);
  EXPECT_EQ(cost.of(6'000'000, 10), 1'000'000U);
  EXPECT_EQ(cost.of(4'000'000, 10), StreamCost::kBackBytes + 10);
  cost.read(4'000'000, 10);
  EXPECT_EQ(cost.of(4'000'010, 5), 5U);
}

}  // namespace
}  // namespace aloft::delta
