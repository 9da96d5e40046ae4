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

std::vector<ChangedRun> runs() {
  std::vector<ChangedRun> all = {moved_code(1234), {noise(5000, 2), noise(5000, 2), {}}, {noise(900, 3), noise(900, 4), {5, UINT64_MAX}}};
  all.push_back({Bytes(1), Bytes(1, std::byte{255}), {UINT64_MAX, 0}});
  all.push_back({{}, {}, {}});
  return all;
}

Bytes coded(const std::vector<ChangedRun>& all) {
  DifferenceEncoder encoder;
  encoder.begin();
  for (const ChangedRun& run : all) encoder.add(run.from, run.to, run.place);
  return encoder.finish();
}

TEST(DifferenceModel, RunsComeBackAndBothMayBeUsedAgain) {
  const auto all = runs();
  const Bytes bytes = coded(all);
  DifferenceDecoder decoder;
  for (int round = 0; round < 2; ++round) {
    decoder.begin(bytes);
    for (const ChangedRun& run : all) {
      EXPECT_FALSE(decoder.is_used_up());
      Bytes made = run.from;
      decoder.apply(made, run.place);
      EXPECT_EQ(made, run.to);
      if (&run == &all[3]) break;
    }
    EXPECT_TRUE(decoder.is_used_up());
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

// The format is what this makes: other bytes here are a new version of it.
TEST(DifferenceModel, MakesTheSameBytesEverywhere) {
  EXPECT_EQ(to_hex(crypto::sha256(coded(runs()))), "a7c3f766e4feda9bce25221d2e84287def73f5c149a1a4ea67b4282b0460a9fb");
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
