// For tests: what a power cut can leave of several devices together.
#pragma once

#include <vector>

#include "storage/sim_medium.hpp"

namespace aloft::agent::test {

using storage::Effort;
using storage::Fingerprint;
using storage::SimMedium;

// The number of an outcome for each medium.
using Outcome = std::vector<std::size_t>;

// Every combination of the media's outcomes. Where that would be more than kMostCombinations: each outcome of each medium, with all others
// at their first outcome, and at their last.
inline std::vector<Outcome> outcomes(const std::vector<SimMedium*>& media, Effort effort) {
  constexpr std::size_t kMostCombinations = 64;
  Outcome counts;
  std::size_t product = 1;
  for (const SimMedium* medium : media) {
    counts.push_back(medium->outcomes(effort));
    product *= counts.back();
  }
  std::vector<Outcome> found;
  for (std::size_t number = 0; product <= kMostCombinations && number < product; ++number) {
    std::size_t rest = number;
    Outcome& one = found.emplace_back();
    for (const std::size_t count : counts) {
      one.push_back(rest % count);
      rest /= count;
    }
  }
  if (!found.empty()) return found;
  for (std::size_t medium = 0; medium < counts.size(); ++medium) {
    for (std::size_t number = 0; number < counts[medium] && counts[medium] > 1; ++number) {
      for (const bool last : {false, true}) {
        Outcome& one = found.emplace_back();
        for (const std::size_t count : counts) one.push_back(last ? count - 1 : 0);
        one[medium] = number;
      }
    }
  }
  return found;
}

// `seed` is for outcomes that are drawn.
inline void settle(const std::vector<SimMedium*>& media, const Outcome& outcome, Effort effort, std::uint64_t seed) {
  for (std::size_t i = 0; i < media.size(); ++i) media[i]->settle(outcome[i], effort, seed);
}

// No cut: everything that waits is written.
inline void settle_kept(const std::vector<SimMedium*>& media) {
  for (SimMedium* medium : media) medium->settle_kept();
}

}  // namespace aloft::agent::test
