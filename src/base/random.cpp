#include "base/random.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace aloft {

std::uint64_t Random::next() {
  std::array<std::byte, 8> bytes{};
  fill(bytes);
  return load_le64(bytes);
}

void SystemRandom::fill(MutableByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::getrandom(bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) std::abort();
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

// SplitMix64 (Steele, Lea, Flood 2014).
void SeededRandom::fill(MutableByteView bytes) {
  for (auto& b : bytes) {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    b = static_cast<std::byte>((z ^ z >> 31) & 0xffU);
  }
}

}  // namespace aloft
