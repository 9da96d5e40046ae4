#include "delta/make/streams.hpp"

#include <lz4hc.h>
#include <zlib.h>
#include <zstd.h>

#include "delta/errors.hpp"
#include "delta/gzip_deflate.hpp"
#include "delta/gzip_sample.hpp"
#include "delta/make/cuts.hpp"
#include "delta/make/file_cuts.hpp"
#include "delta/make/test_images.hpp"

namespace aloft::delta {
namespace {

using crypto::test::must;

void put32(Bytes& out, std::uint64_t value) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::byte>(value >> (8 * i) & 255));
}

// As gzip writes it, with a name.
Bytes gzip_file(ByteView content, unsigned level = 6) {
  Bytes file;
  test::append(file, as_bytes(std::string_view("\x1f\x8b\x08\x08\0\0\0\0\0\x03initrd\0", 17)));
  Bytes packed(content.size() + 1000);
  packed.resize(GzipDeflate(level).encode({.content = content, .state = {}, .last = true}, packed));
  test::append(file, packed);
  put32(file, ::crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
  put32(file, content.size());
  return file;
}

// As a kernel's payload.
Bytes legacy_lz4(ByteView content, int level = 9) {
  Bytes file;
  put32(file, 0x184C2102);
  for (std::size_t at = 0; at < content.size(); at += 8ULL << 20) {
    const ByteView block = content.subspan(at, std::min<std::size_t>(8ULL << 20, content.size() - at));
    Bytes packed(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(block.size()))));
    packed.resize(
        static_cast<std::size_t>(LZ4_compress_HC(reinterpret_cast<const char*>(block.data()), reinterpret_cast<char*>(packed.data()),
                                                 static_cast<int>(block.size()), static_cast<int>(packed.size()), level)));
    put32(file, packed.size());
    test::append(file, packed);
  }
  return file;
}

// Code that has changed here and there, with something new in it.
Bytes changed(ByteView content) {
  Bytes out(content.begin(), content.end());
  for (std::size_t i = 1000; i < out.size(); i += 9'973) out[i] = static_cast<std::byte>(std::to_integer<unsigned>(out[i]) + 1);
  const Bytes more = test::noise(2'000, 77);
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(out.size() / 3), more.begin(), more.end());
  return out;
}

class Streams : public test::Folder {
 protected:
  Streams() : content_(test::gzip_sample()), old_(image(content_)), new_(image(changed(content_))) {}
  static Bytes image(ByteView content) {
    Bytes image = test::noise(70'000, 1);
    test::append(image, gzip_file(content));
    test::append(image, Bytes(5'000));
    test::append(image, legacy_lz4(content));
    test::append(image, test::noise(70'000, 2));
    return image;
  }
  Bytes content_;
  Bytes old_;
  Bytes new_;
};

TEST_F(Streams, AreFoundWhereverTheyStand) {
  const auto streams = find_streams(old_);
  ASSERT_EQ(streams.size(), 2U);
  EXPECT_EQ(streams[0].compressor, Compressor::gzip);
  EXPECT_EQ(streams[0].offset, 70'017U);
  EXPECT_EQ(streams[1].compressor, Compressor::lz4_stream);
  for (const Stream& stream : streams) EXPECT_EQ(content_of(old_, stream), content_);
}

TEST_F(Streams, AreCutWhereTheirCompressorCanGoOn) {
  for (const Stream& stream : find_streams(new_)) {
    const Bytes content = content_of(new_, stream);
    const auto cuts = cut_stream(stream.compressor, ByteView(new_).subspan(stream.offset, stream.packed_bytes), content);
    ASSERT_GT(cuts.cuts.size(), 2U);
    std::uint64_t packed = 0;
    std::uint64_t place = 0;
    std::uint64_t as_they_are = 0;
    for (const Cut& cut : cuts.cuts) {
      EXPECT_EQ(cut.packed_begin, packed);
      EXPECT_EQ(cut.content_begin, place);
      packed = cut.packed_end;
      place = cut.content_end;
      if (!cut.remade) as_they_are += cut.packed_end - cut.packed_begin;
    }
    EXPECT_EQ(packed, stream.packed_bytes);
    EXPECT_EQ(place, content.size());
    EXPECT_LT(as_they_are, 300U);
  }
}

TEST_F(Streams, AreDifferencedByTheirContents) {
  const Bytes delta = test::delta_of(write("old", old_), write("new", new_));
  EXPECT_LT(delta.size(), 7'000U);  // twice 2,000 new bytes, and 110 changes
  EXPECT_EQ(must(test::applied(delta, old_)), new_);
}

TEST_F(Streams, EveryFrameCanBeStartedWith) { test::expect_any_start(test::delta_of(write("old", old_), write("new", new_)), old_, new_); }

TEST_F(Streams, OfEveryLevelComeBack) {
  const ByteView old_content = ByteView(content_).first(300'000);
  const Bytes new_content = changed(old_content);
  for (const unsigned level : {1U, 4U, 9U, 12U}) {
    const Bytes from = legacy_lz4(old_content, static_cast<int>(level));
    const Bytes to = legacy_lz4(new_content, static_cast<int>(level));
    EXPECT_EQ(must(test::applied(test::delta_of(write("old", from), write("new", to)), from)), to) << level;
  }
  for (const unsigned level : {4U, 5U, 7U, 8U, 9U}) {
    const Bytes from = gzip_file(old_content, level);
    const Bytes to = gzip_file(new_content, level);
    const Bytes delta = test::delta_of(write("old", from), write("new", to));
    EXPECT_LT(delta.size(), 4'000U) << level;
    EXPECT_EQ(must(test::applied(delta, from)), to) << level;
  }
}

TEST_F(Streams, OfAnotherCompressorTravelAsTheyAre) {
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_FILTERED), Z_OK);
  Bytes packed(content_.size());
  stream.next_in = reinterpret_cast<Bytef*>(content_.data());
  stream.avail_in = static_cast<uInt>(content_.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  EXPECT_TRUE(cut_stream(Compressor::gzip, packed, content_).cuts.empty());
}

// As kernel modules are packed.
Bytes file_by(const BlockCoding& coding, ByteView content) {
  Coders coders({coding});
  Bytes packed(content.size() + 1000);
  packed.resize(must(must(coders.at(0))->encode(content, packed)));
  return packed;
}

std::vector<BlockCoding> file_codings() {
  std::vector<BlockCoding> codings = {{.compressor = Compressor::xz_file, .level = 6, .window = 1 << 20, .variant = kXzSizes},
                                      {.compressor = Compressor::xz_file, .level = 1, .window = 1 << 19, .variant = kXzCrc64},
                                      {.compressor = Compressor::zstd_file, .level = 3, .variant = 1},
                                      {.compressor = Compressor::zstd_file, .level = 19}};
  for (BlockCoding& coding : codings) coding.version = library_version(coding.compressor);
  return codings;
}

TEST_F(Streams, OfWholeFilesAreDifferencedByTheirContents) {
  Bytes large;
  for (const unsigned seed : {1U, 2U, 3U}) {
    test::append(large, content_);
    test::append(large, test::noise(1'000, seed));
  }
  for (const BlockCoding& coding : file_codings()) {
    const bool small_only = coding.level == 19;
    Bytes from = gzip_file(content_);
    Bytes to = gzip_file(changed(content_));
    for (const std::size_t size : {std::size_t{100'000}, std::size_t{small_only ? 300'000U : 1'300'000U}}) {
      const ByteView content = ByteView(small_only ? content_ : large).first(size);
      test::append(from, file_by(coding, content));
      test::append(to, file_by(coding, changed(content)));
    }
    const auto streams = find_streams(from);
    ASSERT_EQ(streams.size(), 3U) << name_of(coding.compressor);
    EXPECT_EQ(streams[2].compressor, coding.compressor);
    EXPECT_EQ(streams[2].content_bytes, small_only ? 300'000U : 1'300'000U);
    const Bytes delta = test::delta_of(write("old", from), write("new", to));
    EXPECT_LT(delta.size(), 10'000U) << name_of(coding.compressor);  // three times 2,000 new bytes, and some 200 changes
    ViewSource source(delta);
    EXPECT_EQ(must(Patch::open(source)).version(), 8U);
    if (coding.level == 3) {
      test::expect_any_start(delta, from, to);
    } else {
      EXPECT_EQ(must(test::applied(delta, from)), to);
    }
  }
}

// With a smaller window than any level has.
Bytes zstd_of_its_own(ByteView content) {
  ZSTD_CCtx* encoder = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(encoder, ZSTD_c_windowLog, 12);
  Bytes packed(ZSTD_compressBound(content.size()));
  packed.resize(ZSTD_compress2(encoder, packed.data(), packed.size(), content.data(), content.size()));
  ZSTD_freeCCtx(encoder);
  return packed;
}

TEST_F(Streams, OfFilesByAnotherCompressorTravelAsTheyAre) {
  Bytes from;
  Bytes to;
  for (int i = 0; i < 20; ++i) {
    const ByteView content = ByteView(content_).subspan(static_cast<std::size_t>(i) * 10'000, 10'000);
    test::append(from, zstd_of_its_own(content));
    test::append(to, zstd_of_its_own(changed(content)));
  }
  FileCutter files;
  for (const Stream& stream : find_streams(to))
    EXPECT_TRUE(
        files.cut(stream.compressor, ByteView(to).subspan(stream.offset, stream.packed_bytes), content_of(to, stream)).cuts.empty());
  const Bytes delta = test::delta_of(write("old", from), write("new", to));
  EXPECT_EQ(must(test::applied(delta, from)), to);
}

TEST_F(Streams, ThatBothImagesHaveAreLeftAlone) {
  Bytes moved = test::noise(3'000, 9);
  test::append(moved, old_);
  const Bytes delta = test::delta_of(write("old", old_), write("new", moved));
  ViewSource source(delta);
  EXPECT_TRUE(must(Patch::open(source)).images().front().codings.empty());
  EXPECT_EQ(must(test::applied(delta, old_)), moved);
}

TEST_F(Streams, ThatAreDamagedOrEndAreNone) {
  for (std::size_t cut = 70'000; cut < old_.size(); cut += 20'011) find_streams(ByteView(old_).first(cut));
  Bytes damaged = old_;
  for (std::size_t i = 71'000; i < damaged.size(); i += 50'000) damaged[i] ^= std::byte{0xff};
  EXPECT_LE(find_streams(damaged).size(), 1U);
  for (const BlockCoding& coding : file_codings()) {
    const Bytes file = file_by(coding, ByteView(content_).first(20'000));
    ASSERT_EQ(find_streams(file).size(), 1U);
    for (std::size_t cut = 0; cut < file.size(); cut += 97) EXPECT_TRUE(find_streams(ByteView(file).first(cut)).empty()) << cut;
  }
  EXPECT_TRUE(find_streams(file_by(file_codings()[0], Bytes(kMaxFileBytes + 1))).empty());
}

}  // namespace
}  // namespace aloft::delta
