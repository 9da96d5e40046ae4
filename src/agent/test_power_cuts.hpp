// For tests: the search through all power cuts. A story is lived once for every state in which a cut can leave the device; the states are
// found by cutting at every operation of every such life, once or several times in a row, and states that are equal are lived once.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "agent/test_life.hpp"

namespace aloft::agent::test {

// Of all searches of this process.
struct SearchTotals {
  std::uint64_t searches = 0;
  std::uint64_t cuts = 0;
  std::uint64_t lives = 0;
};
inline SearchTotals& search_totals() {
  static SearchTotals totals;
  return totals;
}

struct SearchLimits {
  unsigned cuts_in_a_row = 1;
  Effort effort = Effort::quick;
};

class PowerCutSearch {
 public:
  PowerCutSearch(const boot::test::NamedLoader& loader, Story story, Fault fault, SearchLimits limits, const Layout& layout = kTwoGroups)
      : story_(std::move(story)), fault_(fault), limits_(limits) {
    first_.push_back({World{Hardware(power_, loader, fault, layout), {}}, {}});
  }

  // What a power cut can do that must not be, and at which cuts; empty if nothing.
  std::string run() {
    std::vector<Cut> level = std::move(first_);
    for (unsigned row = 0; problem_.empty(); ++row) {
      std::vector<Cut> next;
      for (Cut& cut : level) {
        live(cut, row < limits_.cuts_in_a_row ? &next : nullptr, row + 1 == limits_.cuts_in_a_row);
        if (!problem_.empty()) break;
      }
      if (next.empty()) break;
      level = std::move(next);
    }
    power_.watch(nullptr);
    SearchTotals& totals = search_totals();
    ++totals.searches;
    totals.cuts += cuts_;
    totals.lives += lives_;
    return problem_;
  }

  std::uint64_t operations() const { return operations_; }  // of the story without a cut
  std::uint64_t cuts() const { return cuts_; }              // outcomes of cuts that were looked at
  std::uint64_t lives() const { return lives_; }            // of them, those that left a state not seen before, and were lived to the end

 private:
  struct Place {
    std::size_t operation;
    std::size_t outcome;
  };
  struct Cut {
    World world;
    std::vector<Place> places;  // how the world came about
  };

  // Lives on from the cut. The states that further cuts can leave are put into `next`, or lived at once where they are the last.
  void live(Cut& cut, std::vector<Cut>* next, bool next_is_last) {
    std::vector<World> moments;
    World world(cut.world);
    if (next) power_.watch([&] { moments.push_back(world); });
    const std::string problem = Life(story_, world, fault_).live();
    power_.watch(nullptr);
    ++lives_;
    if (cut.places.empty()) operations_ = moments.size();
    if (!problem.empty()) return report(problem, cut.places);
    if (next) moments.push_back(world);  // what was told last stays true, too
    for (std::size_t i = 0; i < moments.size() && problem_.empty(); ++i) cut_at(moments[i], cut.places, i, *next, next_is_last);
  }

  void cut_at(World& moment, const std::vector<Place>& before, std::size_t operation, std::vector<Cut>& next, bool is_last) {
    const std::vector<Outcome> all = outcomes(moment.hardware.media(), limits_.effort);
    for (std::size_t i = 0; i < all.size() && problem_.empty(); ++i) {
      ++cuts_;
      Cut cut{moment, before};
      cut.places.push_back({operation + 1, i});
      ++cut.world.witness.cuts;
      settle(cut.world.hardware.media(), all[i], limits_.effort, operation * 1000 + i);
      if (!seen_.insert(cut.world.fingerprint()).second) continue;
      if (is_last) {
        live(cut, nullptr, false);
      } else {
        next.push_back(std::move(cut));
      }
    }
  }

  void report(const std::string& problem, const std::vector<Place>& places) {
    problem_ = problem;
    for (const Place& place : places) {
      problem_ += "\n  after a power cut at operation " + std::to_string(place.operation) + ", outcome " + std::to_string(place.outcome);
    }
  }

  Power power_;
  const Story story_;
  const Fault fault_;
  const SearchLimits limits_;
  std::vector<Cut> first_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen_;
  std::string problem_;
  std::uint64_t operations_ = 0;
  std::uint64_t cuts_ = 0;
  std::uint64_t lives_ = 0;
};

}  // namespace aloft::agent::test
