// Predicts bits by mixing what several contexts have seen, in the logistic domain. After M. Mahoney, "Adaptive weighing of context models
// for lossless data compression" (2005). Integers only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace aloft::delta {

inline constexpr int kProbabilityBits = 12;
inline constexpr int kProbabilities = 1 << kProbabilityBits;

namespace mixing {

// 1 / (1 + e^-x) of -16/2 to 16/2 by halves, times 4096.
inline constexpr std::array<int, 33> kKnots = {1,    2,    3,    6,    10,   16,   27,   45,   73,   120,  194,
                                               310,  488,  747,  1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785,
                                               3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094};

// x in 1/256, from -2047 to 2047; the result from 1 to 4095.
constexpr int squash(int x) {
  if (x > 2047) return 4095;
  if (x < -2047) return 1;
  const int weight = x & 127;
  const auto knot = static_cast<std::size_t>(x + 2048) >> 7;
  return (kKnots[knot] * (128 - weight) + kKnots[std::min<std::size_t>(knot + 1, 32)] * weight + 64) >> 7;
}

// The inverse: of each probability the least x that squash takes to it or above.
constexpr std::array<std::int16_t, kProbabilities> stretches() {
  std::array<std::int16_t, kProbabilities> all{};
  all.fill(2047);
  int next = 0;
  for (int x = -2047; x <= 2047; ++x)
    for (const int p = squash(x); next <= p; ++next) all[static_cast<std::size_t>(next)] = static_cast<std::int16_t>(x);
  return all;
}
inline constexpr auto kStretch = stretches();

// How far the n-th bit moves a probability: 1 / (n + 1.5), times 65536.
inline constexpr std::uint32_t kMaxCount = 255;
constexpr std::array<std::int32_t, kMaxCount + 1> rates() {
  std::array<std::int32_t, kMaxCount + 1> all{};
  for (std::size_t n = 0; n < all.size(); ++n) all[n] = static_cast<std::int32_t>(131072 / (2 * n + 3));
  return all;
}
inline constexpr auto kRates = rates();

}  // namespace mixing

class Mixer {
 public:
  static constexpr std::size_t kMaxInputs = 8;
  Mixer(unsigned slot_bits, std::size_t weight_sets) : slots_(std::size_t{1} << slot_bits), weights_(weight_sets * kMaxInputs) { reset(); }

  void reset() {
    std::ranges::fill(slots_, 1U << 31);
    std::ranges::fill(weights_, kFirstWeight);
  }

  // The probability that the next bit is 1, from 1 to 4095 of 4096, as these contexts have it (hashes; at most kMaxInputs).
  int predict(std::span<const std::uint32_t> contexts, std::size_t weight_set) {
    count_ = contexts.size();
    set_ = weights_.data() + weight_set * kMaxInputs;
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      used_[i] = slots_.data() + ((contexts[i] ^ contexts[i] >> 17) & (slots_.size() - 1));
      inputs_[i] = mixing::kStretch[*used_[i] >> 20];
      sum += std::int64_t{set_[i]} * inputs_[i];
    }
    probability_ = mixing::squash(static_cast<int>(std::clamp<std::int64_t>(sum >> 16, -2047, 2047)));
    return probability_;
  }

  // What the bit was that was predicted last.
  void learn(bool bit) {
    const std::int32_t error = ((static_cast<int>(bit) << kProbabilityBits) - probability_) * kLearningRate;
    for (std::size_t i = 0; i < count_; ++i) {
      set_[i] = std::clamp(set_[i] + ((inputs_[i] * error + 0x200) >> 10), -kMaxWeight, kMaxWeight);
      const std::uint32_t seen = *used_[i] & 1023;
      const std::int64_t old = *used_[i] >> 10;
      const std::int64_t target = bit ? (1 << 22) - 1 : 0;
      const std::int64_t moved = old + (((target - old) * mixing::kRates[seen]) >> 16);
      *used_[i] = static_cast<std::uint32_t>(moved) << 10 | std::min(seen + 1, mixing::kMaxCount);
    }
  }

 private:
  static constexpr std::int32_t kFirstWeight = (1 << 16) * 3 / 10;
  static constexpr std::int32_t kMaxWeight = 1 << 22;
  static constexpr std::int32_t kLearningRate = 2;
  std::vector<std::uint32_t> slots_;  // 22 bits of probability, 10 of how often it was seen
  std::vector<std::int32_t> weights_;
  std::array<std::uint32_t*, kMaxInputs> used_{};
  std::array<std::int32_t, kMaxInputs> inputs_{};
  std::int32_t* set_ = nullptr;
  std::size_t count_ = 0;
  int probability_ = 0;
};

}  // namespace aloft::delta
