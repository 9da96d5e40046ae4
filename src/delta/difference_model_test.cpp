#include "delta/difference_model.hpp"

#include <gtest/gtest.h>

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
  for (const Processor processor : {Processor::x86, Processor::arm64}) {
    expect_back(runs(), processor);
    expect_back(runs_of_words(), processor);
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

// The format is what this makes: other bytes here are a new version of it.
TEST(DifferenceModel, MakesTheSameBytesEverywhere) {
  EXPECT_EQ(to_hex(crypto::sha256(coded(runs()))), "a7c3f766e4feda9bce25221d2e84287def73f5c149a1a4ea67b4282b0460a9fb");
  EXPECT_EQ(to_hex(crypto::sha256(coded(runs_of_words(), Processor::arm64))),
            "0932ceef9f69da0d0af0362c5992946d94bdee561a9d148e7cea94fcbcbe7516");
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
