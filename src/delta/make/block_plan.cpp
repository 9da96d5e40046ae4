#include "delta/make/block_plan.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "delta/piece_coding.hpp"

namespace aloft::delta {
namespace {

std::string_view text_of(ByteView bytes) { return as_text(bytes); }

// The old image's blocks by their bytes as they stand.
class OldBlocks {
 public:
  explicit OldBlocks(const Expanded& source) {
    for (const Segment& segment : source.segments())
      if (segment.is_block) places_.try_emplace(text_of(source.packed(segment)), segment.offset);
  }
  const std::uint64_t* find(ByteView packed) const {
    const auto found = places_.find(text_of(packed));
    return found == places_.end() ? nullptr : &found->second;
  }

 private:
  std::unordered_map<std::string_view, std::uint64_t> places_;
};

// Looks for the candidate that makes a block again. One per thread.
class Remaker {
 public:
  Remaker(const std::vector<BlockCoding>& candidates, const Expanded& target)
      : target_(target), coders_(candidates), tried_(candidates.size()), hit_(candidates.size()) {}

  // What the block is remade by; `stored`: no candidate does.
  BlockDecision find(const Segment& segment) {
    BlockDecision decision;
    if (last_ < hit_.size() && remakes(last_, segment, decision)) return decision;
    for (std::size_t number = 0; number < hit_.size(); ++number) {
      if (number == last_ || (hit_[number] == 0 && tried_[number] >= kPatience) || !remakes(number, segment, decision)) continue;
      last_ = number;
      break;
    }
    return decision;
  }

 private:
  static constexpr unsigned kPatience = 12;  // blocks that a candidate may miss before it is given up
  // Bytes behind a block of a given size that may decide what it is packed to: hardly ever any, but a long match may go on there.
  static constexpr std::array<std::uint64_t, 5> kAheadBytes = {0, 32, 256, 2048, kMaxAheadBytes};

  bool remakes(std::size_t number, const Segment& segment, BlockDecision& decision) {
    ++tried_[number];
    const std::uint64_t follow = std::min({segment.follow_bytes, target_.bytes().size() - segment.place_end(),
                                           kMaxBlockBytes - std::min(kMaxBlockBytes, segment.content_bytes)});
    for (const std::uint64_t most : kAheadBytes) {
      const std::uint64_t ahead = std::min(most, follow);
      if (packs(number, segment, ahead) && std::ranges::equal(room_, target_.packed(segment))) {
        ++hit_[number];
        decision = {.fate = BlockFate::remade, .coding = number, .ahead_bytes = ahead};
        return true;
      }
      if (ahead == follow) break;
    }
    return false;
  }

  // Whether it gives as many bytes as the block has.
  bool packs(std::size_t number, const Segment& segment, std::uint64_t ahead_bytes) {
    room_.resize(static_cast<std::size_t>(segment.image_bytes));
    if (is_in_pieces(segment.compressor)) {
      const auto coder = coders_.piece_at(number);
      const Piece piece{.content = target_.bytes().subspan(segment.place, segment.content_bytes + ahead_bytes)};
      return coder && (*coder)->encode(piece, room_);
    }
    const auto coder = coders_.at(number);
    if (!coder) return false;
    const auto size = (*coder)->encode(target_.content(segment), room_);
    return size && *size == room_.size();
  }
  const Expanded& target_;
  Coders coders_;
  std::vector<unsigned> tried_;
  std::vector<unsigned> hit_;
  std::size_t last_ = 0;
  Bytes room_;
};

// The candidates that some block is made with, numbered anew; room is left for the old image's.
void keep_used(const std::vector<BlockCoding>& candidates, BlockPlan& plan) {
  std::vector<std::size_t> uses(candidates.size());
  for (const BlockDecision& decision : plan.decisions)
    if (decision.fate == BlockFate::remade) ++uses[decision.coding];
  std::vector<std::size_t> order(candidates.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t number) { return uses[number]; });
  std::vector<std::size_t> numbers(candidates.size(), candidates.size());
  for (const std::size_t number : order) {
    if (uses[number] == 0 || plan.codings.size() + 1 >= kMaxCodings) break;
    numbers[number] = plan.codings.size();
    plan.codings.push_back(candidates[number]);
  }
  for (BlockDecision& decision : plan.decisions) {
    if (decision.fate != BlockFate::remade) continue;
    if (numbers[decision.coding] == candidates.size()) decision.fate = BlockFate::stored;
    decision.coding = numbers[decision.coding];
  }
}

void name_old(Compressor compressor, BlockPlan& plan) {
  if (plan.old_codings.try_emplace(compressor, plan.codings.size()).second) plan.codings.push_back({.compressor = compressor});
}

void count(const Expanded& target, BlockPlan& plan) {
  for (std::size_t i = 0; i < plan.decisions.size(); ++i) {
    if (!target.segments()[i].is_block) continue;
    ++(plan.decisions[i].fate == BlockFate::copied ? plan.copied : plan.decisions[i].fate == BlockFate::remade ? plan.remade : plan.stored);
  }
}

void remake_all(const std::vector<std::size_t>& changed, const std::vector<BlockCoding>& candidates, const Expanded& target,
                unsigned threads, BlockPlan& plan) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    Remaker remaker(candidates, target);
    for (std::size_t i = next++; i < changed.size(); i = next++) plan.decisions[changed[i]] = remaker.find(target.segments()[changed[i]]);
  };
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(work);
  work();
}

}  // namespace

BlockPlan plan_blocks(const Expanded& source, const Layout& source_layout, const Expanded& target, const Layout& target_layout,
                      unsigned threads) {
  BlockPlan plan;
  plan.decisions.resize(target.segments().size());
  const OldBlocks old_blocks(source);
  std::vector<std::size_t> changed;
  for (std::size_t i = 0; i < target.segments().size(); ++i) {
    const Segment& segment = target.segments()[i];
    if (!segment.is_block) continue;
    if (const std::uint64_t* offset = old_blocks.find(target.packed(segment)); offset != nullptr) {
      plan.decisions[i] = {.fate = BlockFate::copied, .source_offset = *offset};
    } else {
      changed.push_back(i);
    }
  }
  remake_all(changed, target_layout.candidates, target, threads, plan);
  keep_used(target_layout.candidates, plan);
  if (!source_layout.blocks.empty()) name_old(source_layout.compressor, plan);
  count(target, plan);
  return plan;
}

BlockPlan plan_streams(const Layout& source_layout, const Expanded& target, const Layout& target_layout,
                       const std::vector<StreamCuts>& cuts) {
  BlockPlan plan;
  plan.decisions.resize(target.segments().size());
  std::set<Compressor> old_compressors;
  for (const Stream& old : source_layout.streams) old_compressors.insert(old.compressor);
  std::size_t stream = 0;
  for (std::size_t i = 0; i < target.segments().size(); ++i) {
    const Segment& segment = target.segments()[i];
    if (segment.cut == nullptr || !segment.cut->remade) continue;
    while (target_layout.streams[stream].offset_end() <= segment.offset) ++stream;
    const auto found = std::ranges::find(plan.codings, cuts[stream].coding);
    const auto number = static_cast<std::size_t>(found - plan.codings.begin());
    if (found == plan.codings.end()) {
      if (number + old_compressors.size() >= kMaxCodings) continue;
      plan.codings.push_back(cuts[stream].coding);
    }
    plan.decisions[i] = {.fate = BlockFate::remade, .coding = number};
  }
  for (const Compressor compressor : old_compressors) name_old(compressor, plan);
  count(target, plan);
  return plan;
}

}  // namespace aloft::delta
