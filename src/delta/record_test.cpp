#include <gtest/gtest.h>

#include "crypto/test_pki.hpp"
#include "delta/errors.hpp"
#include "delta/frame_builder.hpp"
#include "delta/test_record.hpp"
#include "delta/varint.hpp"
#include "delta/view_source.hpp"

namespace aloft::delta {
namespace {

using test::plain;

constexpr std::uint64_t kAt = 1000;  // where the frame begins

Bytes text(std::string_view letters) { return {as_bytes(letters).begin(), as_bytes(letters).end()}; }

struct Outcome {
  Bytes content;
  std::uint16_t error;
};

Outcome build(ByteView record, std::size_t frame_bytes, std::string_view source = "abcdefghij", std::uint64_t source_bytes = 10) {
  ViewSource old(as_bytes(source));
  Bytes content(frame_bytes);
  FrameBuilder builder;
  const auto done = builder.build(record, kAt, old, source_bytes, content);
  return {content, done ? std::uint16_t{0} : done.error().code.number};
}

TEST(Record, EveryOperationDoesWhatItSays) {
  const std::vector<Op> ops = {{OpKind::copy, 3, 2}, {OpKind::add, 2, 0}, {OpKind::fresh, 2}, {OpKind::zero, 1}, {OpKind::copy, 1, 9}};
  const Bytes differences = {std::byte{1}, std::byte{255}};
  const auto done = build(plain(encode_body(kAt, 10, ops, differences, as_bytes("XY"))), 9);
  EXPECT_EQ(done.error, 0);
  EXPECT_EQ(as_text(done.content), std::string_view("cdebaXY\0j", 9));
}

TEST(Record, CodingsGiveTheSameFrame) {
  const Bytes fresh(5000, std::byte{'x'});
  const Bytes body = encode_body(kAt, 10, {{OpKind::fresh, fresh.size()}}, {}, fresh);
  Bytes packed;
  Bytes lzma;
  Bytes stored;
  Packer packer(3);
  crypto::test::must(packer.pack(body, packed));
  crypto::test::must(pack_lzma(body, lzma));
  crypto::test::must(packer.pack(fresh, stored));
  packed.insert(packed.begin(), static_cast<std::byte>(Coding::packed));
  lzma.insert(lzma.begin(), static_cast<std::byte>(Coding::lzma));
  stored.insert(stored.begin(), static_cast<std::byte>(Coding::stored));
  for (const Bytes& record : {plain(body), packed, lzma, stored}) {
    const auto done = build(record, fresh.size());
    EXPECT_EQ(done.error, 0);
    EXPECT_EQ(done.content, fresh);
    for (std::size_t cut = 0; cut < record.size(); ++cut) EXPECT_NE(build(ByteView(record).first(cut), fresh.size()).error, 0);
  }
}

TEST(Record, AStoredFrameMayBeOfBlocks) {
  const Bytes content(6000, std::byte{'y'});
  Bytes record(1, static_cast<std::byte>(Coding::stored));
  Packer packer(3);
  for (const std::size_t size : {4096U, 1904U}) {
    Bytes packed;
    crypto::test::must(packer.pack(ByteView(content).first(size), packed));
    record.insert(record.end(), packed.begin(), packed.end());
  }
  const auto done = build(record, content.size());
  EXPECT_EQ(done.error, 0);
  EXPECT_EQ(done.content, content);
  EXPECT_NE(build(record, content.size() - 1).error, 0);
  EXPECT_NE(build(record, content.size() + 1).error, 0);
  record.push_back(std::byte{0});
  EXPECT_NE(build(record, content.size()).error, 0);
}

// Of a frame of 2000 bytes: 1000 from the old image with differences, and 1000 fresh.
Bytes modelled(ByteView old, ByteView wanted, Coding coding) {
  DifferenceEncoder encoder;
  encoder.begin();
  encoder.add(old, wanted, {.old_place = 0, .new_place = kAt});
  const Bytes& coded = encoder.finish();
  const Bytes body = encode_body(kAt, 1000, {{OpKind::add, 1000, 0}, {OpKind::fresh, 1000}}, {}, Bytes(1000, std::byte{'f'}));
  Bytes rest = body;
  if (coding == Coding::packed) crypto::test::must(Packer(3).pack(body, rest));
  if (coding == Coding::lzma) crypto::test::must(pack_lzma(body, rest));
  Bytes record(1, first_byte(coding, 0) | static_cast<std::byte>(kModelledBit));
  put_varint(record, coded.size());
  record.insert(record.end(), coded.begin(), coded.end());
  record.insert(record.end(), rest.begin(), rest.end());
  return record;
}

TEST(Record, DifferencesMayStandBeforeTheBody) {
  const std::string old(1000, 'o');
  std::string wanted = old;
  for (std::size_t i = 0; i < wanted.size(); i += 9) wanted[i] = static_cast<char>('a' + i % 23);
  for (const Coding coding : {Coding::plain, Coding::packed, Coding::lzma}) {
    const Bytes record = modelled(as_bytes(old), as_bytes(wanted), coding);
    const auto done = build(record, 2000, old, 1000);
    EXPECT_EQ(done.error, 0);
    EXPECT_EQ(as_text(done.content), wanted + std::string(1000, 'f'));
    for (std::size_t cut = 0; cut < record.size(); ++cut) EXPECT_NE(build(ByteView(record).first(cut), 2000, old, 1000).error, 0) << cut;
    Bytes as_stored = record;
    as_stored[0] = static_cast<std::byte>(kModelledBit | static_cast<unsigned>(Coding::stored));
    EXPECT_NE(build(as_stored, 2000, old, 1000).error, 0);
  }
}

TEST(Record, HostileRecordsAreRefused) {
  Bytes many;
  for (int i = 0; i < 40; ++i) put_varint(many, (1 << 2) | 3);  // 40 operations of one zero
  Bytes too_many;
  put_varint(too_many, many.size());
  too_many.insert(too_many.end(), many.begin(), many.end());
  put_varint(too_many, 0);
  Bytes packed_bomb;
  crypto::test::must(Packer(19).pack(Bytes(100'000), packed_bomb));
  packed_bomb.insert(packed_bomb.begin(), static_cast<std::byte>(Coding::packed));
  Bytes lzma_bomb;
  crypto::test::must(pack_lzma(Bytes(100'000), lzma_bomb));
  lzma_bomb.insert(lzma_bomb.begin(), static_cast<std::byte>(Coding::lzma));
  const struct {
    const char* name;
    Bytes record;
    std::uint16_t error;
  } cases[] = {
      {"nothing", {}, kBadRecord.number},
      {"an unknown coding", text("\x09"), kBadRecord.number},
      {"too short", plain(encode_body(kAt, 10, {{OpKind::zero, 39}}, {}, {})), kBadRecord.number},
      {"too long", plain(encode_body(kAt, 10, {{OpKind::zero, 41}}, {}, {})), kBadRecord.number},
      {"an empty operation", plain(encode_body(kAt, 10, {{OpKind::zero, 40}, {OpKind::zero, 0}}, {}, {})), kBadRecord.number},
      {"before the old image", plain(encode_body(kAt, 10, {{OpKind::copy, 40, UINT64_MAX}}, {}, {})), kBadRecord.number},
      {"behind the old image", plain(encode_body(kAt, 10, {{OpKind::zero, 39}, {OpKind::copy, 1, 10}}, {}, {})), kBadRecord.number},
      {"across its end", plain(encode_body(kAt, 10, {{OpKind::zero, 38}, {OpKind::copy, 2, 9}}, {}, {})), kBadRecord.number},
      {"no differences", plain(encode_body(kAt, 10, {{OpKind::zero, 39}, {OpKind::add, 1, 0}}, {}, {})), kBadRecord.number},
      {"no fresh bytes", plain(encode_body(kAt, 10, {{OpKind::fresh, 40}}, {}, as_bytes("x"))), kBadRecord.number},
      {"bytes left over", plain(encode_body(kAt, 10, {{OpKind::zero, 40}}, {}, as_bytes("x"))), kBadRecord.number},
      {"differences left over", plain(encode_body(kAt, 10, {{OpKind::zero, 40}}, as_bytes("x"), {})), kBadRecord.number},
      {"too many operations", plain(too_many), kBadRecord.number},
      {"differences in both places", text(std::string("\x80\x01\x01\x02\xa3\x01\x01x", 8)), kBadRecord.number},
      {"modelled differences left over", text(std::string("\x80\x02\x01\x01\x02\xa3\x01\x00", 8)), kBadRecord.number},
      {"more modelled differences than bytes", text("\x80\x7f\x01"), kBadDelta.number},
      {"a zstd bomb", packed_bomb, kBadDelta.number},
      {"an LZMA bomb", lzma_bomb, kBadDelta.number},
  };
  for (const auto& one : cases) EXPECT_EQ(build(one.record, 40).error, one.error) << one.name;
}

TEST(Record, AnOldImageThatIsShorterThanItIsSaidToBeIsAnError) {
  const Bytes record = plain(encode_body(kAt, 10, {{OpKind::copy, 20, 0}}, {}, {}));
  EXPECT_EQ(build(record, 20, "abcdefghij", 20).error, kWrongSource.number);
}

TEST(Varint, HasOneFormForEachNumber) {
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{UINT64_MAX}}) {
    Bytes bytes;
    put_varint(bytes, value);
    put_signed(bytes, static_cast<std::int64_t>(value));
    Input in(bytes);
    EXPECT_EQ(*in.varint(), value);
    EXPECT_EQ(*in.signed_varint(), static_cast<std::int64_t>(value));
    EXPECT_TRUE(in.empty());
  }
  for (const Bytes& bad :
       {Bytes{}, Bytes{std::byte{0x80}}, Bytes{std::byte{0x80}, std::byte{0}}, Bytes(10, std::byte{0xff}), Bytes(11, std::byte{0x81})})
    EXPECT_FALSE(Input(bad).varint());
}

}  // namespace
}  // namespace aloft::delta
