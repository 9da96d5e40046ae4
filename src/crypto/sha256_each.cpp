#include "crypto/sha256_each.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace aloft::crypto {

#if defined(__x86_64__)
namespace {

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kLanes = 2;
// FIPS 180-4 sections 4.2.2 and 5.3.3.
alignas(16) constexpr std::array<std::uint32_t, 64> kRounds = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
constexpr std::array<std::uint32_t, 8> kStart = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

// The eight words of a hash's state, most significant first, in the order of the processor's instruction.
struct Lane {
  __m128i abef = word_order(kStart[0], kStart[1], kStart[4], kStart[5]);
  __m128i cdgh = word_order(kStart[2], kStart[3], kStart[6], kStart[7]);
  const std::byte* at = nullptr;

  static __m128i word_order(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return _mm_set_epi32(static_cast<int>(a), static_cast<int>(b), static_cast<int>(c), static_cast<int>(d));
  }
};

// So many blocks of each lane. One round waits for the one before it, so a second lane costs less than half as much again.
template <std::size_t Lanes>
[[gnu::target("sha,sse4.1")]] void compress(std::array<Lane, kLanes>& lanes, std::size_t blocks) {
  const __m128i big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  for (; blocks > 0; --blocks) {
    __m128i words[Lanes][4];  // of the schedule: the last sixteen, four to a register
    __m128i abef[Lanes], cdgh[Lanes];
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      abef[lane] = lanes[lane].abef;
      cdgh[lane] = lanes[lane].cdgh;
    }
#pragma GCC unroll 16
    for (std::size_t four = 0; four < kRounds.size() / 4; ++four) {
      const __m128i constants = _mm_load_si128(reinterpret_cast<const __m128i*>(kRounds.data() + 4 * four));
#pragma GCC unroll 2
      for (std::size_t lane = 0; lane < Lanes; ++lane) {
        __m128i(&last)[4] = words[lane];
        __m128i& next = last[four % 4];  // holds the oldest
        if (four < 4) {
          next = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(lanes[lane].at) + four), big_endian);
        } else {
          const __m128i seventh = _mm_alignr_epi8(last[(four + 3) % 4], last[(four + 2) % 4], 4);
          next = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(next, last[(four + 1) % 4]), seventh), last[(four + 3) % 4]);
        }
        const __m128i sum = _mm_add_epi32(next, constants);
        cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sum);
        abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(sum, 0x0e));
      }
    }
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      lanes[lane].abef = _mm_add_epi32(lanes[lane].abef, abef[lane]);
      lanes[lane].cdgh = _mm_add_epi32(lanes[lane].cdgh, cdgh[lane]);
      lanes[lane].at += kBlockBytes;
    }
  }
}

template <typename Word>
void store_big_endian(Word word, std::byte* to) {
  word = std::byteswap(word);
  std::memcpy(to, &word, sizeof word);
}

// What is left of it behind `at`, padded as section 5.1.1 says.
Digest finish(Lane lane, ByteView bytes) {
  std::array<Lane, kLanes> lanes = {lane};
  const auto done = static_cast<std::size_t>(lane.at - bytes.data());
  const std::size_t rest = (bytes.size() - done) % kBlockBytes;
  compress<1>(lanes, (bytes.size() - done) / kBlockBytes);
  std::array<std::byte, 2 * kBlockBytes> end{};
  std::ranges::copy(bytes.last(rest), end.begin());
  end[rest] = std::byte{0x80};
  const std::size_t blocks = rest + 1 + sizeof(std::uint64_t) <= kBlockBytes ? 1 : 2;
  store_big_endian(std::uint64_t{bytes.size()} * 8, end.data() + blocks * kBlockBytes - sizeof(std::uint64_t));
  lanes[0].at = end.data();
  compress<1>(lanes, blocks);
  std::array<std::uint32_t, 4> abef, cdgh;  // each from the last letter to the first
  _mm_storeu_si128(reinterpret_cast<__m128i*>(abef.data()), lanes[0].abef);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(cdgh.data()), lanes[0].cdgh);
  Digest digest;
  std::byte* to = digest.data();
  for (const std::uint32_t word : {abef[3], abef[2], cdgh[3], cdgh[2], abef[1], abef[0], cdgh[1], cdgh[0]}) {
    store_big_endian(word, to);
    to += sizeof word;
  }
  return digest;
}

bool has_instruction() {
  static const bool has = __builtin_cpu_supports("sha") != 0 && __builtin_cpu_supports("sse4.1") != 0;
  return has;
}

void two(ByteView first, ByteView second, Digest* digests) {
  std::array<Lane, kLanes> lanes;
  lanes[0].at = first.data();
  lanes[1].at = second.data();
  compress<kLanes>(lanes, std::min(first.size(), second.size()) / kBlockBytes);
  digests[0] = finish(lanes[0], first);
  digests[1] = finish(lanes[1], second);
}

}  // namespace
#endif

void sha256_each(std::span<const ByteView> contents, std::span<Digest> digests) {
  std::size_t done = 0;
#if defined(__x86_64__)
  for (; has_instruction() && done + kLanes <= contents.size(); done += kLanes) two(contents[done], contents[done + 1], &digests[done]);
#endif
  for (; done < contents.size(); ++done) digests[done] = sha256(contents[done]);
}

}  // namespace aloft::crypto
