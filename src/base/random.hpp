// Randomness, passed in so that simulations can be seeded.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace aloft {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableByteView bytes) = 0;
  std::uint64_t next();  // uniform over 64 bits
};

// The kernel's generator: fit for keys and tokens. Aborts where the kernel has none.
class SystemRandom final : public Random {
 public:
  void fill(MutableByteView bytes) override;
};

// Repeatable; never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(MutableByteView bytes) override;

 private:
  std::uint64_t state_;
};

}  // namespace aloft
