#include "bundle/reader.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zstd.h>

#include <thread>

#include "base/file.hpp"
#include "bundle/errors.hpp"
#include "bundle/test_bundle.hpp"
#include "crypto/errors.hpp"

namespace aloft::bundle {
namespace {

using crypto::test::Authority;
using crypto::test::kNow;
using test::build;
using test::Built;
using test::MemorySource;
using test::sealed;
using test::test_content;

// The content of all images, read as a careful consumer does; or the first error.
Result<std::vector<Bytes>> read_all(ByteSource& source, const crypto::TrustStore& trust, WallTime now = kNow) {
  auto reader = TRY(Reader::open(source, trust, now));
  FrameDecoder decoder;
  std::vector<Bytes> contents;
  Bytes stored;
  for (std::size_t i = 0; i < reader.manifest().images.size(); ++i) {
    const Image& image = reader.manifest().images[i];
    Bytes& content = contents.emplace_back(image.size_bytes);
    for (std::uint64_t frame = 0; frame < image.frame_count(); ++frame) {
      TRY(reader.fetch_frame(i, frame, stored));
      TRY(decoder.decode(image, frame, stored,
                         std::span(content).subspan(frame * image.frame_size_bytes, image.frame_content_bytes(frame))));
    }
  }
  for (std::size_t i = 0; i < contents.size(); ++i) TRY(reader.fetch_blocks(i, stored));
  TRY(reader.check_end());
  return contents;
}

int number_of(Bytes bytes, const crypto::TrustStore& trust) {
  MemorySource source(std::move(bytes));
  const auto contents = read_all(source, trust);
  return contents ? 0 : contents.error().code.number;
}

class ReaderTest : public testing::Test {
 protected:
  const Authority root;
  const crypto::SigningIdentity signer = root.issue(crypto::KeyType::p256);
  const crypto::TrustStore trust = root.trust();
  const Bytes first = test_content(200'000, 1);
  const Bytes second = test_content(5'000, 2);
  const Built built = build({{.name = "rootfs", .content = first, .blocks = BlockNames::include},
                             {.name = "boot", .content = second, .encoding = Encoding::none, .blocks = BlockNames::include}});
  // Small enough to try every bit of.
  const Built small = build({{.name = "rootfs", .content = test_content(300), .blocks = BlockNames::include}});
};

TEST_F(ReaderTest, GivesBackWhatWasPacked) {
  MemorySource source(sealed(built, {signer}));
  const auto contents = read_all(source, trust);
  ASSERT_TRUE(contents) << contents.error().text();
  EXPECT_EQ((*contents)[0], first);
  EXPECT_EQ((*contents)[1], second);
}

TEST_F(ReaderTest, ReadsFromAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Fd out(ends[0]);
  const Bytes bytes = sealed(built, {signer});
  std::jthread writer([&bytes, in = Fd(ends[1])] { EXPECT_TRUE(write_all(in.get(), bytes)); });
  const auto source = stream_source(out.get());
  const auto contents = read_all(*source, trust);
  ASSERT_TRUE(contents) << contents.error().text();
  EXPECT_EQ((*contents)[0], first);
}

TEST_F(ReaderTest, ReadsAnyFrameAloneFromAFile) {
  const auto path = std::filesystem::path(testing::TempDir()) / ("aloft_reader_test." + std::to_string(::getpid()));
  ASSERT_TRUE(replace_file(path, as_text(sealed(built, {signer}))));
  const auto source = *open_source(path);
  auto reader = *Reader::open(*source, trust, kNow);
  EXPECT_EQ(reader.size_bytes(), std::filesystem::file_size(path));
  Bytes stored;
  Bytes content(65536);
  for (const std::uint64_t frame : {2U, 0U, 1U}) {
    ASSERT_TRUE(reader.fetch_frame(0, frame, stored));
    ASSERT_TRUE(FrameDecoder().decode(reader.manifest().images[0], frame, stored, content));
    EXPECT_TRUE(std::ranges::equal(content, ByteView(first).subspan(frame * 65536, 65536)));
  }
  EXPECT_TRUE(reader.check_end());
  std::filesystem::remove(path);
}

TEST_F(ReaderTest, EveryTruncationIsAnError) {
  const Bytes bytes = sealed(small, {signer});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_EQ(number_of({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}, trust), kTruncated.number) << size;
  ASSERT_EQ(number_of(bytes, trust), 0);
}

TEST_F(ReaderTest, EveryFlippedBitIsAnError) {
  Bytes bytes = sealed(small, {signer});
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    ASSERT_NE(number_of(bytes, trust), 0) << "byte " << bit / 8 << " bit " << bit % 8;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  }
}

// The header's checksum is no secret: a forger makes it right again, and must still fail at the signature.
TEST_F(ReaderTest, NoFlippedBitOfTheManifestSurvivesTheSignature) {
  const std::string manifest = serialize_manifest(small.manifest);
  const Bytes signature = *crypto::sign_detached(as_bytes(manifest), std::vector{signer});
  for (std::size_t bit = 0; bit < manifest.size() * 8; ++bit) {
    std::string forged = manifest;
    forged[bit / 8] = static_cast<char>(forged[bit / 8] ^ static_cast<char>(1U << bit % 8));
    ASSERT_EQ(number_of(encode_preamble(forged, signature), trust), crypto::kBadSignature.number) << bit;
  }
}

TEST_F(ReaderTest, TrailingBytesAreAnError) {
  Bytes bytes = sealed(small, {signer});
  bytes.push_back({});
  EXPECT_EQ(number_of(bytes, trust), kTrailing.number);
}

TEST_F(ReaderTest, SwappedFramesAreAnError) {
  const auto same_size = build({{.name = "rootfs", .content = test_content(131072), .encoding = Encoding::none}});
  auto swapped = same_size;
  std::swap_ranges(swapped.payload.begin(), swapped.payload.begin() + 65536, swapped.payload.begin() + 65536);
  EXPECT_EQ(number_of(sealed(swapped, {signer}), trust), kStoredDigest.number);
}

TEST_F(ReaderTest, WhoSignedDecides) {
  const Authority stranger;
  EXPECT_EQ(number_of(sealed(small, {}), trust), kUnsigned.number);
  EXPECT_EQ(number_of(sealed(small, {stranger.issue(crypto::KeyType::p256)}), trust), crypto::kUntrusted.number);
  EXPECT_EQ(number_of(sealed(small, {root.issue(crypto::KeyType::p256, {.common_name = "s", .profile = crypto::Profile::server})}), trust),
            crypto::kWrongPurpose.number);
  const auto crl = *crypto::make_crl(root.issuer(), {signer.certificate}, "", kNow, std::chrono::days(1));
  EXPECT_EQ(number_of(sealed(small, {signer}), root.trust({crl})), crypto::kRevoked.number);
  MemorySource source(sealed(small, {signer}));
  EXPECT_EQ(read_all(source, trust, kNow + std::chrono::days(800)).error().code.number, crypto::kExpired.number);
  EXPECT_EQ(read_all(source, trust, WallTime{}).error().code.number, crypto::kNotYetValid.number);
}

TEST_F(ReaderTest, TheSignatureIsCheckedBeforeTheManifestIsParsed) {
  const Authority stranger;
  EXPECT_EQ(number_of(sealed("not JSON", {}, {stranger.issue(crypto::KeyType::p256)}), trust), crypto::kUntrusted.number);
}

TEST_F(ReaderTest, HeaderFieldsOutOfBoundsAreErrors) {
  const Bytes good = sealed(small, {signer});
  const struct {
    std::size_t at;
    std::uint64_t value;
    ErrorCode expected;
  } cases[] = {
      {0, 0, kNotABundle},
      {8, 2, kContainerVersion},
      {8, 1ULL << 32 | 1, kBadHeader},
      {16, 0, kBadHeader},
      {16, UINT64_MAX, kBadHeader},
      {16, INT64_MAX, kBadHeader},
      {16, kMaxManifestBytes + 1, kBadHeader},
      {16, kMaxManifestBytes, kTruncated},
      {24, UINT64_MAX, kBadHeader},
      {24, kMaxSignatureBytes + 1, kBadHeader},
  };
  for (const auto& c : cases) {
    Bytes bytes = good;
    store_le64(std::span(bytes).subspan(c.at), c.value);
    EXPECT_EQ(number_of(bytes, trust), c.expected.number) << c.at << " " << c.value;
  }
}

// Frames that were signed for, but are not what the format allows: the decoder must still be bounded and exact.
TEST_F(ReaderTest, SignedBombsAndOddFramesAreErrors) {
  const auto compress = [](std::size_t size, bool declare, bool twice) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, declare ? 1 : 0);
    const Bytes zeros(size);
    Bytes out(ZSTD_compressBound(size) * 2);
    std::size_t count = ZSTD_compress2(context, out.data(), out.size(), zeros.data(), zeros.size());
    if (twice) count += ZSTD_compress2(context, out.data() + count, out.size() - count, zeros.data(), zeros.size());
    ZSTD_freeCCtx(context);
    out.resize(count);
    return out;
  };
  const Bytes exact = compress(300, true, false);
  Bytes skippable(12);
  store_le32(skippable, 0x184d2a50);
  store_le32(std::span(skippable).subspan(4), 4);
  Bytes with_skippable = exact;
  with_skippable.insert(with_skippable.end(), skippable.begin(), skippable.end());
  const struct {
    const char* what;
    Bytes stored;
    ErrorCode expected;
  } cases[] = {
      {"a mebibyte of zeros", compress(1 << 20, true, false), kBadFrame},
      {"one byte more", compress(301, true, false), kBadFrame},
      {"one byte less", compress(299, true, false), kBadFrame},
      {"size not declared", compress(300, false, false), kBadFrame},
      {"two frames of half the size", compress(150, true, true), kBadFrame},
      {"a skippable frame after it", with_skippable, kBadFrame},
      {"a skippable frame alone", skippable, kBadFrame},
      {"garbage", Bytes(40, std::byte{0x5a}), kBadFrame},
      {"another content of the right size", exact, kFrameDigest},
  };
  for (const auto& c : cases) {
    Built odd = build({{.name = "rootfs", .content = test_content(300)}});
    odd.payload = c.stored;
    odd.manifest.images[0].stored = {{static_cast<std::uint32_t>(c.stored.size()), crypto::sha256(c.stored)}};
    EXPECT_EQ(number_of(sealed(odd, {signer}), trust), c.expected.number) << c.what;
  }
}

TEST_F(ReaderTest, ManifestsOfEnormousImagesAreRefusedWithoutWrapping) {
  for (const char* size :
       {"4611686018427387904", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616"}) {
    std::string text = serialize_manifest(small.manifest);
    const auto at = text.find("\"size\":300");
    ASSERT_NE(at, std::string::npos);
    text.replace(at + 7, 3, size);
    EXPECT_NE(number_of(sealed(text, small.payload, {signer}), trust), 0) << size;
  }
}

}  // namespace
}  // namespace aloft::bundle
