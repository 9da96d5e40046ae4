#include "delta/gzip_deflate.hpp"

#include <algorithm>

namespace aloft::delta {
namespace {

constexpr std::size_t kWindow = kDeflateHistoryBytes;
constexpr unsigned kMaxMatch = kMaxMatchBytes;
constexpr std::size_t kAhead = kMaxMatch + kMinMatch + 1;
constexpr std::size_t kMaxDistance = kWindow - kAhead;
constexpr std::size_t kTooFar = 4096;  // a match of three bytes is not worth more
constexpr unsigned kHashShift = 5;
constexpr unsigned kHashMask = 0x7FFF;

unsigned value_at(ByteView bytes, std::size_t at) { return at < bytes.size() ? std::to_integer<unsigned>(bytes[at]) : 0; }

}  // namespace

GzipDeflate::Tuning GzipDeflate::tuning_of(unsigned level) {
  switch (level) {
    case 4: return {4, 4, 16, 16};
    case 5: return {8, 16, 32, 32};
    case 7: return {8, 32, 128, 256};
    case 8: return {32, 128, 258, 1024};
    case 9: return {32, 258, 258, 4096};
    default: return {8, 16, 128, 128};
  }
}

GzipDeflate::GzipDeflate(unsigned level) : tuning_(tuning_of(level)), head_(kHashMask + 1), before_(kWindow) {}

// The place before with the same three bytes, or with others of the same hash; 0: none.
std::uint32_t GzipDeflate::insert(std::size_t at) {
  const unsigned hash =
      (value_at(content_, at) << 2 * kHashShift ^ value_at(content_, at + 1) << kHashShift ^ value_at(content_, at + 2)) & kHashMask;
  const std::uint32_t found = head_[hash];
  before_[at % kWindow] = found;
  head_[hash] = static_cast<std::uint32_t>(at);
  return found;
}

// At most what is left of the content; `least` when nothing longer is found, and then `found` stays.
unsigned GzipDeflate::longest_match(std::size_t at, std::uint32_t candidate, unsigned least, std::uint32_t& found) const {
  const auto most = static_cast<unsigned>(std::min<std::size_t>(kMaxMatch, content_.size() - at));
  const std::size_t limit = at > kMaxDistance ? at - kMaxDistance : 0;
  unsigned chain = least >= tuning_.good ? tuning_.chain >> 2 : tuning_.chain;
  unsigned best = least;
  const std::byte* const here = content_.data() + at;
  do {
    const std::byte* const there = content_.data() + candidate;
    if (best < most && there[best] == here[best] && there[best - 1] == here[best - 1]) {
      unsigned length = 0;
      while (length < most && there[length] == here[length]) ++length;
      if (length > best) {
        found = candidate;
        best = length;
        if (length >= tuning_.nice) break;
      }
    }
    candidate = before_[candidate % kWindow];
  } while (candidate > limit && --chain != 0);
  return best;
}

bool GzipDeflate::end_block(std::size_t at, bool last) {
  block_.flush(out_, content_.subspan(block_begin_, at - block_begin_), last);
  block_begin_ = at;
  return true;
}

std::size_t GzipDeflate::encode(const Input& input, MutableByteView packed, const AtBlockEnd& at_end) {
  content_ = input.content;
  std::ranges::fill(head_, 0U);
  std::ranges::fill(before_, 0U);
  block_ = DeflateBlock();
  out_.begin(packed, input.state.bits);
  std::size_t at = input.history;
  for (std::size_t place = at - std::min(at, kWindow); place < at; ++place) insert(place);
  bool waiting = input.state.match_bytes != 0;  // the byte before `at` is not decided yet
  unsigned length = waiting ? input.state.match_bytes : kMinMatch - 1;
  length = static_cast<unsigned>(std::min<std::size_t>(length, content_.size() - at + 1));
  if (length < kMinMatch) length = kMinMatch - 1;
  auto start = static_cast<std::uint32_t>(waiting && length >= kMinMatch ? at - 1 - input.state.distance : 0);
  block_begin_ = waiting ? at - 1 : at;
  // False: nobody wants more.
  const auto flush = [&](std::size_t end, const DeflateState& state) {
    end_block(end, false);
    DeflateState told = state;
    told.bits = out_.open_bits();
    return out_.bytes() < packed.size() && (!at_end || at_end(end + (state.match_bytes != 0 ? 1 : 0), out_.bytes(), told));
  };
  while (at < content_.size()) {
    if (!input.last && content_.size() - at < kAhead) return out_.bytes();
    const std::uint32_t candidate = insert(at);
    const unsigned length_before = length;
    const std::uint32_t start_before = start;
    length = kMinMatch - 1;
    if (candidate != 0 && length_before < tuning_.lazy && at - candidate <= kMaxDistance) {
      length = longest_match(at, candidate, length_before, start);
      length = static_cast<unsigned>(std::min<std::size_t>(length, content_.size() - at));
      if (length == kMinMatch && at - start > kTooFar) --length;
    }
    if (length_before >= kMinMatch && length <= length_before) {
      block_.match(length_before, static_cast<unsigned>(at - 1 - start_before));
      const bool full = block_.is_full(at - block_begin_);
      for (std::size_t end = at + length_before - 1; ++at < end;) insert(at);
      waiting = false;
      length = kMinMatch - 1;
      if (full && !flush(at, {})) return out_.bytes();
    } else if (waiting) {
      block_.literal(content_[at - 1]);
      if (block_.is_full(at - block_begin_) &&
          !flush(at, {.match_bytes = length, .distance = length >= kMinMatch ? static_cast<unsigned>(at - start) : 0}))
        return out_.bytes();
      ++at;
    } else {
      waiting = true;
      ++at;
    }
  }
  if (!input.last) return out_.bytes();
  if (waiting) block_.literal(content_[at - 1]);
  end_block(at, true);
  out_.align();
  return out_.bytes();
}

}  // namespace aloft::delta
