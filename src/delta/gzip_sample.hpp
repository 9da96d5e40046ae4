// For tests: content that makes gzip show all that it does.
#pragma once

#include <string_view>

#include "base/bytes.hpp"

namespace aloft::delta::test {

// Letters, noise that is stored, zeros, words, and bytes from further up: 548,322 bytes, the same everywhere.
inline Bytes gzip_sample() {
  std::uint64_t state = 1;
  const auto next = [&] { return static_cast<unsigned>((state = state * 6364136223846793005ULL + 1442695040888963407ULL) >> 56); };
  Bytes out;
  for (int i = 0; i < 60'000; ++i) out.push_back(static_cast<std::byte>('a' + (next() >> 4)));
  for (int i = 0; i < 40'000; ++i) out.push_back(static_cast<std::byte>(next()));
  out.resize(out.size() + 50'000);
  for (int i = 0; i < 30'000; ++i) {
    const unsigned word = next() & 63;
    const char ends[2] = {static_cast<char>('a' + word % 26), static_cast<char>('0' + word % 10)};
    for (const char c : std::string_view("word")) out.push_back(static_cast<std::byte>(c));
    for (unsigned k = 0; k < 1 + word % 5; ++k)
      for (const char c : ends) out.push_back(static_cast<std::byte>(c));
    out.push_back(std::byte{' '});
  }
  for (std::size_t i = 0; i < 70'000; ++i) out.push_back(next() != 0 ? out[i * 2] : std::byte{'!'});
  return out;
}

}  // namespace aloft::delta::test
