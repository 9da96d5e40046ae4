#include "delta/difference_model.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "crypto/sha256.hpp"

namespace aloft::delta {
namespace {

struct ChangedRun {
  Bytes from;
  Bytes to;
  RunPlace place;
};

Bytes noise(std::size_t size, std::uint64_t seed) {
  Bytes bytes(size);
  for (auto& byte : bytes) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<std::byte>(seed >> 56);
  }
  return bytes;
}

// What happens to x86 code when `grown` bytes are put in at place 30,000: calls across that place reach further.
ChangedRun moved_code(std::uint32_t grown) {
  constexpr std::uint32_t kSize = 60'000;
  constexpr std::uint32_t kCallEvery = 37;
  ChangedRun run{.from = noise(kSize, 1), .to = {}, .place = {.old_place = 0, .new_place = grown}};
  run.to = run.from;
  for (std::uint32_t at = 1; at + 4 < kSize; at += kCallEvery) {
    const std::uint32_t target = at * 7919 % 50 * 1000;
    run.from[at - 1] = run.to[at - 1] = std::byte{0xE8};
    store_le32(std::span(run.from).subspan(at), target - (at + 4));
    store_le32(std::span(run.to).subspan(at), target - (at + 4) - (target < 30'000 ? grown : 0));
  }
  return run;
}

// The same for arm64: of eight instructions one is bl, two are adrp and add, and refer to 50 places that have moved by up to 30 times
// `grown`. The run begins with byte `skipped` of the code, as if it were at place 0.
ChangedRun moved_words(std::uint32_t grown, std::uint32_t skipped) {
  constexpr std::uint32_t kSize = 60'000;
  ChangedRun run{.from = noise(kSize, 1), .to = {}, .place = {.old_place = 0, .new_place = grown}};
  run.to = run.from;
  const auto put = [&](std::uint32_t place, std::uint32_t from, std::uint32_t to) {
    store_le32(std::span(run.from).subspan(place), from);
    store_le32(std::span(run.to).subspan(place), to);
  };
  const auto bl = [](std::uint32_t place, std::uint32_t target) { return 0x94000000U | ((target - place) >> 2 & 0x3FFFFFFU); };
  const auto adrp = [](std::uint32_t place, std::uint32_t target) {
    const std::uint32_t pages = (target >> 12) - (place >> 12);
    return 0x90000003U | (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5;
  };
  const auto add = [](std::uint32_t target) { return 0x91000063U | (target & 4095) << 10; };
  for (std::uint32_t place = 0; place + 32 < kSize; place += 32) {
    const std::uint32_t target = place * 7919 % 50 * 1200;
    const std::uint32_t moved = target + target / 1200 * 7 % 31 * grown;
    put(place, bl(place, target), bl(place + grown, moved));
    put(place + 16, adrp(place + 16, target), adrp(place + 16 + grown, moved));
    put(place + 24, add(target), add(moved));
  }
  for (Bytes* bytes : {&run.from, &run.to}) bytes->erase(bytes->begin(), bytes->begin() + skipped);
  return run;
}

// The same for other processors: `every` bytes of instructions that refer to no place, as `filler` makes them of noise, and then what
// `refer` writes: one instruction or several at a place that refer to a target.
using Refer = std::function<Bytes(std::uint32_t place, std::uint32_t target)>;
ChangedRun moved_references(std::uint32_t grown, std::uint32_t skipped, std::uint32_t every,
                            const std::function<void(MutableByteView)>& filler, const Refer& refer) {
  constexpr std::uint32_t kSize = 60'000;
  ChangedRun run{.from = noise(kSize, 1), .to = {}, .place = {.old_place = skipped, .new_place = skipped + grown}};
  filler(run.from);
  run.to = run.from;
  for (std::uint32_t place = 0; place + every < kSize; place += every) {
    const std::uint32_t number = (place * 0x9E3779B1U >> 16) % 200;
    const std::uint32_t target = number * 300;
    const std::uint32_t moved = target + number * 7 % 31 * grown;
    std::ranges::copy(refer(place, target), run.from.begin() + place);
    std::ranges::copy(refer(place + grown, moved), run.to.begin() + place);
  }
  for (Bytes* bytes : {&run.from, &run.to}) bytes->erase(bytes->begin(), bytes->begin() + skipped);
  return run;
}

// Those of `words`, each of which says how many of its bytes there are.
Bytes code(std::initializer_list<std::pair<std::uint32_t, int>> words) {
  Bytes out;
  for (const auto& [word, size_bytes] : words)
    for (int i = 0; i < size_bytes; ++i) out.push_back(static_cast<std::byte>(word >> (8 * i)));
  return out;
}

void fill_thumb(MutableByteView bytes) {  // mov of registers
  for (std::size_t i = 1; i < bytes.size(); i += 2) bytes[i] = std::byte{0x46};
}
void fill_a32(MutableByteView bytes) {  // and, eor, sub ... under no condition
  for (std::size_t i = 2; i + 1 < bytes.size(); i += 4) {
    bytes[i] &= std::byte{0x10};
    bytes[i + 1] = std::byte{0xE0};
  }
}
void fill_riscv(MutableByteView bytes) {  // short ones
  for (std::size_t i = 0; i < bytes.size(); i += 2) bytes[i] = (bytes[i] & std::byte{0xFC}) | std::byte{0x01};
}

Bytes thumb_call(std::uint32_t place, std::uint32_t target) {
  const std::uint32_t by = target - (place + 4);
  const std::uint32_t sign = by >> 31;
  return code({{0xF000 | sign << 10 | (by >> 12 & 1023), 2},
               {0xD000 | ((by >> 23 & 1) ^ sign ^ 1) << 13 | ((by >> 22 & 1) ^ sign ^ 1) << 11 | (by >> 1 & 2047), 2}});
}
Bytes thumb_halves(std::uint32_t /*place*/, std::uint32_t target) {  // movw and movt of r3
  const auto half = [](std::uint32_t first, std::uint32_t value) {
    return std::pair(first | value >> 12 | (value >> 11 & 1) << 10 | (value >> 8 & 7) << 28 | 3U << 24 | (value & 255) << 16, 4);
  };
  return code({half(0xF240, target & 0xFFFF), half(0xF2C0, target >> 16)});
}
Bytes thumb_literal(std::uint32_t place, std::uint32_t target) {  // ldr r3, [pc]; add r3, pc; and so it is
  return code({{0x4B00, 2}, {0x447B, 2}, {target - (place + 6), 4}});
}
Bytes a32_call(std::uint32_t place, std::uint32_t target) { return code({{0xEB000000U | ((target - (place + 8)) >> 2 & 0xFFFFFF), 4}}); }
Bytes a32_literal(std::uint32_t place, std::uint32_t target) {
  return code({{0xE59F3004, 4}, {0xE08F3003, 4}, {0xE12FFF1E, 4}, {target - (place + 12), 4}});
}
Bytes riscv_call(std::uint32_t place, std::uint32_t target) {
  const std::uint32_t by = target - place;
  return code({{0xEF | (by >> 31) << 31 | (by & 0xFF000) | (by >> 11 & 1) << 20 | (by >> 1 & 1023) << 21, 4}});
}
Bytes riscv_pair(std::uint32_t place, std::uint32_t target) {  // auipc and addi of a0
  const std::uint32_t by = target - place;
  return code({{((by + 2048) & 0xFFFFF000) | 0x517, 4}, {by << 20 | 0x50513, 4}});
}

struct OtherCode {
  Processor processor;
  void (*filler)(MutableByteView);
  Bytes (*refer)(std::uint32_t place, std::uint32_t target);
};
constexpr std::array kOtherCode = {
    OtherCode{Processor::arm32, fill_thumb, thumb_call},    OtherCode{Processor::arm32, fill_thumb, thumb_halves},
    OtherCode{Processor::arm32, fill_thumb, thumb_literal}, OtherCode{Processor::arm32, fill_a32, a32_call},
    OtherCode{Processor::arm32, fill_a32, a32_literal},     OtherCode{Processor::riscv, fill_riscv, riscv_call},
    OtherCode{Processor::riscv, fill_riscv, riscv_pair}};

std::vector<ChangedRun> runs() {
  std::vector<ChangedRun> all = {moved_code(1234), {noise(5000, 2), noise(5000, 2), {}}, {noise(900, 3), noise(900, 4), {5, UINT64_MAX}}};
  all.push_back({Bytes(1), Bytes(1, std::byte{255}), {UINT64_MAX, 0}});
  all.push_back({{}, {}, {}});
  return all;
}

// Code of arm64 besides, whose words begin at bytes of the runs that are no multiples of 4, and that ends within one.
std::vector<ChangedRun> runs_of_words() {
  auto all = runs();
  for (const std::uint32_t skipped : {0U, 1U, 6U, 59'981U}) all.insert(all.begin(), moved_words(1236, skipped));
  return all;
}

// All other code, that ends within an instruction.
std::vector<ChangedRun> runs_of_other_code() {
  auto all = runs();
  for (const OtherCode& code : kOtherCode)
    for (const std::uint32_t skipped : {0U, 1U, 6U, 59'981U})
      all.insert(all.begin(), moved_references(1236, skipped, 24, code.filler, code.refer));
  return all;
}

Bytes coded(const std::vector<ChangedRun>& all, Processor processor = Processor::x86) {
  DifferenceEncoder encoder(processor);
  encoder.begin();
  for (const ChangedRun& run : all) encoder.add(run.from, run.to, run.place);
  return encoder.finish();
}

void expect_back(const std::vector<ChangedRun>& all, Processor processor) {
  const Bytes bytes = coded(all, processor);
  DifferenceDecoder decoder(processor);
  for (int round = 0; round < 2; ++round) {
    decoder.begin(bytes);
    EXPECT_FALSE(decoder.is_used_up());
    for (const ChangedRun& run : all) {
      Bytes made = run.from;
      decoder.apply(made, run.place);
      EXPECT_EQ(made, run.to);
    }
    EXPECT_TRUE(decoder.is_used_up());
  }
}

TEST(DifferenceModel, RunsComeBackAndBothMayBeUsedAgain) {
  for (const Processor processor : {Processor::x86, Processor::arm64, Processor::arm32, Processor::riscv}) {
    expect_back(runs(), processor);
    expect_back(runs_of_words(), processor);
    expect_back(runs_of_other_code(), processor);
  }
}

TEST(DifferenceModel, NothingIsOneByte) {
  const Bytes bytes = coded({});
  EXPECT_EQ(bytes.size(), 1U);
  DifferenceDecoder decoder;
  decoder.begin(bytes);
  EXPECT_TRUE(decoder.is_used_up());
}

TEST(DifferenceModel, CallsIntoCodeThatMovedCostLittle) {
  const ChangedRun run = moved_code(1234);
  std::size_t differ = 0;
  for (std::size_t i = 0; i < run.from.size(); ++i) differ += static_cast<std::size_t>(run.from[i] != run.to[i]);
  EXPECT_GT(differ, 1500U);
  EXPECT_LT(coded({run}).size(), differ / 5);
}

// Wherever in a word the run begins.
TEST(DifferenceModel, InstructionsOfArm64ThatReferToWhatMovedCostLittle) {
  for (const std::uint32_t skipped : {0U, 1U, 2U, 3U}) {
    const ChangedRun run = moved_words(1236, skipped);
    const std::size_t as_x86 = coded({run}).size();
    EXPECT_GT(as_x86, 2'000U);
    EXPECT_LT(coded({run}, Processor::arm64).size(), as_x86 / 4) << skipped;
  }
}

// Wherever in an instruction the run begins, and at any byte of the image.
TEST(DifferenceModel, InstructionsOfOtherProcessorsThatReferToWhatMovedCostLittle) {
  for (const OtherCode& code : kOtherCode)
    for (const std::uint32_t skipped : {0U, 1U, 2U, 3U}) {
      ChangedRun run = moved_references(1236, skipped, 24, code.filler, code.refer);
      const std::size_t as_x86 = coded({run}).size();
      const auto number = static_cast<std::size_t>(&code - kOtherCode.data());
      EXPECT_GT(as_x86, 1'000U) << number;
      EXPECT_LT(coded({run}, code.processor).size(), as_x86 / 3) << number << ' ' << skipped;
      if (code.refer == riscv_pair) {
        for (std::uint64_t* place : {&run.place.old_place, &run.place.new_place}) ++*place;
        EXPECT_LT(coded({run}, code.processor).size(), as_x86 / 3) << number << ' ' << skipped;
      }
    }
}

// A program of 32-bit ARM may have both of its kinds of instruction, by functions or libraries.
TEST(DifferenceModel, BothKindsOf32BitArmAreTold) {
  const ChangedRun thumb = moved_references(1236, 0, 24, fill_thumb, thumb_call);
  ChangedRun a32 = moved_references(1236, 0, 24, fill_a32, a32_call);
  const std::size_t alone = coded({thumb}, Processor::arm32).size() + coded({a32}, Processor::arm32).size();
  EXPECT_LT(coded({thumb, a32, thumb}, Processor::arm32).size(), alone * 5 / 4);
}

// The format is what this makes: other bytes here are a new version of it.
TEST(DifferenceModel, MakesTheSameBytesEverywhere) {
  EXPECT_EQ(to_hex(crypto::sha256(coded(runs()))), "a7c3f766e4feda9bce25221d2e84287def73f5c149a1a4ea67b4282b0460a9fb");
  EXPECT_EQ(to_hex(crypto::sha256(coded(runs_of_words(), Processor::arm64))),
            "0932ceef9f69da0d0af0362c5992946d94bdee561a9d148e7cea94fcbcbe7516");
  EXPECT_EQ(to_hex(crypto::sha256(coded(runs_of_other_code(), Processor::arm32))),
            "dcebf245ddf27543c593f3ddc102da4d57168dc1dafdacc4cd80f266d909ca0e");
  EXPECT_EQ(to_hex(crypto::sha256(coded(runs_of_other_code(), Processor::riscv))),
            "acb8d2490ddf8ef84894da4419e5986152de4acca129b4b7e7cbc3be67f72f99");
}

TEST(DifferenceModel, BytesThatAreMissingOrTooManyAreSeen) {
  const auto all = runs();
  const auto is_used_up = [&](ByteView bytes) {
    DifferenceDecoder decoder;
    decoder.begin(bytes);
    for (const ChangedRun& run : all) {
      Bytes made = run.from;
      decoder.apply(made, run.place);
    }
    return decoder.is_used_up();
  };
  Bytes bytes = coded(all);
  EXPECT_TRUE(is_used_up(bytes));
  bytes.push_back({});
  EXPECT_FALSE(is_used_up(bytes));
  EXPECT_FALSE(is_used_up(ByteView(bytes).first(100)));
  EXPECT_FALSE(is_used_up({}));
}

}  // namespace
}  // namespace aloft::delta
