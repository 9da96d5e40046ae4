#include "delta/gzip_deflate.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>

#include "base/bytes.hpp"
#include "crypto/sha256.hpp"
#include "delta/gzip_sample.hpp"

namespace aloft::delta {
namespace {

std::string digest_of(ByteView bytes) {
  crypto::Sha256 hash;
  hash.update(bytes);
  return to_hex(hash.finish()).substr(0, 16);
}

Bytes encoded(unsigned level, ByteView content, const AtBlockEnd& at_end = {}) {
  Bytes packed(content.size() + 1000);
  packed.resize(GzipDeflate(level).encode({.content = content, .state = {}, .last = true}, packed, at_end));
  return packed;
}

Bytes inflated(ByteView packed, std::size_t size) {
  z_stream stream{};
  Bytes out(size);
  inflateInit2(&stream, -MAX_WBITS);
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

// What gzip 1.12 of Debian 12 makes of the sample, without its header and trailer.
TEST(GzipDeflate, GivesWhatGnuGzipGives) {
  const Bytes sample = test::gzip_sample();
  ASSERT_EQ(digest_of(sample), "248daf6487f738f4");
  const struct {
    unsigned level;
    std::size_t bytes;
    const char* digest;
  } cases[] = {{4, 175'686, "d1c38b557fe9f378"}, {5, 173'869, "c057fc21e744de94"}, {6, 169'974, "63f996264cd24bdd"},
               {7, 169'224, "9a291190b4612349"}, {8, 168'469, "301ede4e9d2b72fd"}, {9, 168'165, "62df925f6a8644da"}};
  for (const auto& one : cases) {
    const Bytes packed = encoded(one.level, sample);
    EXPECT_EQ(packed.size(), one.bytes) << one.level;
    EXPECT_EQ(digest_of(packed), one.digest) << one.level;
  }
}

TEST(GzipDeflate, ContentOfAnySizeComesBack) {
  const Bytes sample = test::gzip_sample();
  for (const unsigned size : {0U, 1U, 2U, 3U, 4U, 257U, 258U, 259U, 32767U, 32768U, 32769U, 65535U, 65536U, 100001U}) {
    const ByteView content = ByteView(sample).subspan(90'000, size);
    EXPECT_TRUE(std::ranges::equal(inflated(encoded(6, content), size + 1), content)) << size;
  }
}

TEST(GzipDeflate, GoesOnAtTheEndOfEachBlockFromThirtyTwoKiBOfHistory) {
  const Bytes sample = test::gzip_sample();
  struct Point {
    std::size_t content, packed;
    DeflateState state;
  };
  for (const unsigned level : {4U, 6U, 9U}) {
    std::vector<Point> points = {{0, 0, {}}};
    const Bytes all = encoded(level, sample, [&](std::size_t content, std::size_t packed, const DeflateState& state) {
      points.push_back({content, packed, state});
      return true;
    });
    ASSERT_GT(points.size(), 3U);
    EXPECT_TRUE(std::ranges::any_of(points, [](const Point& point) { return point.state.match_bytes != 0; }));
    for (std::size_t i = 1; i < points.size(); ++i) {
      const auto& from = points[i - 1];
      const std::size_t history = std::min(kDeflateHistoryBytes, from.content);
      const std::size_t end = std::min(sample.size(), points[i].content + 600);
      Bytes packed(points[i].packed - from.packed);
      const ByteView content = ByteView(sample).subspan(from.content - history, end - from.content + history);
      EXPECT_GE(GzipDeflate(level).encode({content, history, from.state, end == sample.size()}, packed), packed.size());
      EXPECT_TRUE(std::ranges::equal(packed, ByteView(all).subspan(from.packed, packed.size()))) << level << " block " << i;
    }
  }
}

// A record may say what is not so. What comes out then is not what gzip wrote, and it stays within what it was given.
TEST(GzipDeflate, AStateThatDoesNotFitGivesOtherBytesAndNoMore) {
  constexpr std::size_t kHistory = 299, kRoom = 40, kGuard = 64;
  const Bytes sample = test::gzip_sample();
  const ByteView content = ByteView(sample).first(kHistory + 600);
  Bytes right(kRoom);
  GzipDeflate(6).encode({content, kHistory, {}, true}, right);
  for (const unsigned bytes : {2U, 3U, kMaxMatchBytes}) {
    for (const bool last : {false, true}) {
      Bytes around(kGuard + kRoom + kGuard, std::byte{0xa5});
      const MutableByteView packed = MutableByteView(around).subspan(kGuard, kRoom);
      GzipDeflate(6).encode({content, kHistory, {.match_bytes = bytes, .distance = 298}, last}, packed);
      EXPECT_FALSE(std::ranges::equal(packed, right)) << bytes;
      const auto is_untouched = [](ByteView guard) {
        return std::ranges::all_of(guard, [](std::byte byte) { return byte == std::byte{0xa5}; });
      };
      EXPECT_TRUE(is_untouched(ByteView(around).first(kGuard)) && is_untouched(ByteView(around).last(kGuard))) << bytes;
    }
  }
}

}  // namespace
}  // namespace aloft::delta
