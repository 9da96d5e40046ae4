// What a power cut can leave behind, counted out: the seam between simulated devices and the search through all power cuts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace aloft::storage {

// Thrown out of the operation in which the power goes: nothing of the program runs on.
struct PowerLost {};

// The mains of one machine: counts the operations of everything that is plugged in, and goes off at one of them.
class Power {
 public:
  // At the operation with this number, counted from 1; 0: never.
  void cut_at(std::uint64_t operation) { cut_at_ = operation == 0 ? 0 : count_ + operation; }
  // Called in every operation, at the moment at which the power could go.
  void watch(std::function<void()> watcher) { watcher_ = std::move(watcher); }
  // Says that a durable thing is about to be done. True: the power goes in the middle of it, and `PowerLost` must be thrown.
  bool goes_now() {
    ++count_;
    if (watcher_) watcher_();
    return count_ == cut_at_;
  }
  std::uint64_t operations() const { return count_; }

 private:
  std::uint64_t count_ = 0;
  std::uint64_t cut_at_ = 0;
  std::function<void()> watcher_;
};

// How finely the outcomes of a cut are told apart.
enum class Effort : std::uint8_t { quick, thorough };

// 128 bits that name a state: equal where everything that was put in is equal.
class Fingerprint {
 public:
  Fingerprint() { XXH3_128bits_reset(&state_); }
  void add(std::string_view bytes) {
    add(bytes.size());
    XXH3_128bits_update(&state_, bytes.data(), bytes.size());
  }
  void add(std::uint64_t number) { XXH3_128bits_update(&state_, &number, sizeof(number)); }
  std::pair<std::uint64_t, std::uint64_t> value() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(&state_);
    return {hash.low64, hash.high64};
  }

 private:
  XXH3_state_t state_{};
};

// Something that holds data over a power cut, which leaves it in one of several ways.
class SimMedium {
 public:
  virtual ~SimMedium() = default;
  // In how many ways what was not flushed may end; 1 where all was flushed.
  virtual std::size_t outcomes(Effort effort) const = 0;
  // The power was cut and is back: the outcome with this number stands. `seed` is for those that are drawn where there are too many.
  virtual void settle(std::size_t outcome, Effort effort, std::uint64_t seed) = 0;
  // As if it had been flushed.
  virtual void settle_kept() = 0;
  // Of what is on the medium for certain.
  virtual void add_to(Fingerprint& fingerprint) const = 0;
};

}  // namespace aloft::storage
