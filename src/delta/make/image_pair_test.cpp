#include "delta/make/image_pair.hpp"

#include "delta/errors.hpp"
#include "delta/make/test_images.hpp"

namespace aloft::delta {
namespace {

using test::applied;
using test::noise;

class ImagePair : public test::Folder {
 protected:
  Bytes delta(ByteView source, ByteView target) { return test::delta_of(write("old", source), write("new", target)); }
};

TEST_F(ImagePair, MovedChangedNewAndZeroPartsComeBackBitForBit) {
  const auto pair = test::typical_pair();
  const Bytes bytes = delta(pair.source, pair.target);
  EXPECT_EQ(*applied(bytes, pair.source), pair.target);
  // 3000 new bytes, 4000 differences that are all seven, and some places.
  EXPECT_LT(bytes.size(), 6'000U);
}

TEST_F(ImagePair, ModelledDifferencesAreOfVersionTwoOnly) {
  test::Pair pair{.source = noise(200'000, 5), .target = {}};
  pair.target = pair.source;
  const Bytes differences = noise(pair.source.size(), 6);
  for (std::size_t i = 0; i < pair.target.size(); i += 20 + static_cast<std::size_t>(differences[i]) % 30)
    pair.target[i] = static_cast<std::byte>(std::to_integer<unsigned>(pair.target[i]) + std::to_integer<unsigned>(differences[i]));
  const Bytes bytes = delta(pair.source, pair.target);
  ViewSource source(bytes);
  const Patch patch = crypto::test::must(Patch::open(source));
  EXPECT_EQ(patch.version(), 2U);
  EXPECT_EQ(*applied(bytes, pair.source), pair.target);
  Plan plan{.images = patch.images(), .bundle = {}};
  plan.images.front().modelled = false;
  Bytes as_version_one = crypto::test::must(encode_plan(plan));
  test::append(as_version_one, ByteView(bytes).subspan(patch.header_bytes()));
  const auto made = applied(as_version_one, pair.source);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code.number, kBadRecord.number);
}

// Calls in a program that has grown at its beginning to what has not moved with it.
TEST_F(ImagePair, DifferencesInProgramsAreOfTheVersionOfTheirProcessor) {
  constexpr std::size_t kGrown = 1000;
  const auto arm64 = [](std::uint32_t by) { return 0x94000000U | (by >> 2 & 0x3FFFFFFU); };
  const auto arm32 = [](std::uint32_t by) { return 0xEB000000U | ((by - 8) >> 2 & 0xFFFFFFU); };
  const auto riscv = [](std::uint32_t by) {
    return 0xEFU | (by >> 31) << 31 | (by & 0xFF000U) | (by >> 11 & 1) << 20 | (by >> 1 & 1023) << 21;
  };
  const struct {
    unsigned machine;
    std::uint32_t (*call)(std::uint32_t by);
    std::uint32_t version;
    Processor processor;
  } cases[] = {{62, arm64, 2, Processor::x86},
               {183, arm64, 6, Processor::arm64},
               {40, arm32, 7, Processor::arm32},
               {243, riscv, 7, Processor::riscv}};
  for (const auto& one : cases) {
    test::Pair pair{.source = noise(300'000, 7), .target = {}};
    const auto program = [&](std::size_t at, unsigned machine) {
      std::ranges::copy(as_bytes("\x7f"
                                 "ELF"),
                        pair.source.begin() + static_cast<std::ptrdiff_t>(at));
      pair.source[at + 6] = std::byte{1};
      pair.source[at + 18] = static_cast<std::byte>(machine);
    };
    program(0, one.machine);
    for (const std::size_t at : {20U, 40U, 60U}) program(at, 247);              // BPF, which any processor's programs carry
    std::ranges::copy(ByteView(pair.source).first(4), pair.source.end() - 20);  // a program that looks for programs
    pair.source[pair.source.size() - 14] = std::byte{0};
    pair.target = pair.source;
    test::append(pair.target, Bytes(kGrown));
    std::ranges::copy_backward(ByteView(pair.source).subspan(100), pair.target.end());
    for (std::uint32_t at = 100; at + 20 < pair.source.size(); at += 20) {
      const std::uint32_t target = at * 7919 % 50 * 2400;
      store_le32(std::span(pair.source).subspan(at), one.call(target - at));
      store_le32(std::span(pair.target).subspan(at + kGrown), one.call(target - at - static_cast<std::uint32_t>(kGrown)));
    }
    const Bytes bytes = delta(pair.source, pair.target);
    ViewSource source(bytes);
    const Patch patch = crypto::test::must(Patch::open(source));
    EXPECT_EQ(patch.version(), one.version) << one.machine;
    EXPECT_EQ(patch.images().front().processor, one.processor) << one.machine;
    EXPECT_EQ(*applied(bytes, pair.source), pair.target);
  }
}

TEST_F(ImagePair, EachFrameStandsAlone) {
  const auto pair = test::typical_pair();
  const Bytes bytes = delta(pair.source, pair.target);
  const Bytes tail = *applied(bytes, pair.source, 7);
  EXPECT_TRUE(std::ranges::equal(tail, ByteView(pair.target).subspan(7 * 65536)));
}

TEST_F(ImagePair, ImagesOfAnyShapeComeBack) {
  const Bytes old = noise(100'000, 3);
  const struct {
    const char* name;
    Bytes source;
    Bytes target;
  } cases[] = {
      {"no old image", {}, noise(70'000, 4)},
      {"one byte", old, Bytes(1, std::byte{9})},
      {"the same", old, old},
      {"zeros from nothing", {}, Bytes(300'000)},
      {"repeated bytes", Bytes(200'000, std::byte{5}), Bytes(210'000, std::byte{5})},
      {"shorter", old, Bytes(old.begin(), old.begin() + 65'536)},
      {"longer than a frame by one", old, Bytes(65'537, std::byte{1})},
  };
  for (const auto& one : cases) {
    const auto made = applied(delta(one.source, one.target), one.source);
    ASSERT_TRUE(made) << one.name << ": " << made.error().text();
    EXPECT_EQ(*made, one.target) << one.name;
  }
}

TEST_F(ImagePair, WindowsThatCannotHoldTheOldImageStillGiveTheNewOne) {
  auto pair = test::typical_pair();
  for (std::size_t i = 0; i < pair.target.size(); i += 700) pair.target[i] = std::byte{1};  // no exact match of 1 KiB is left
  const auto from = crypto::test::must(MappedFile::open(write("old", pair.source)));
  const auto to = crypto::test::must(MappedFile::open(write("new", pair.target)));
  for (const std::uint64_t window : {1U << 14, 1U << 17}) {
    const Covers covers = match_images(from.bytes(), to.bytes(), {.window_bytes = window}, {});
    std::uint64_t end = 0;
    for (const Cover& cover : covers) {
      EXPECT_GE(cover.target, end);
      EXPECT_LE(cover.source_end(), pair.source.size());
      end = cover.target_end();
    }
    EXPECT_LE(end, pair.target.size());
    EXPECT_FALSE(covers.empty());
  }
}

TEST_F(ImagePair, AnotherOldImageGivesSomethingElseOrAnError) {
  const auto pair = test::typical_pair();
  const Bytes bytes = delta(pair.source, pair.target);
  const auto other = applied(bytes, noise(900'000, 8));
  EXPECT_TRUE(!other || *other != pair.target);
  const auto shorter = applied(bytes, ByteView(pair.source).first(100'000));
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().code.number, kWrongSource.number);
}

}  // namespace
}  // namespace aloft::delta
