#include "delta/deflate_tree.hpp"

#include <algorithm>
#include <vector>

namespace aloft::delta {
namespace {

constexpr std::size_t kMaxSymbols = 286;
constexpr std::size_t kMaxNodes = 2 * kMaxSymbols + 1;

// The tree as it grows: leaves are the symbols, inner nodes follow them in the order in which they are made.
class Growth {
 public:
  Growth(std::span<const std::uint16_t> counts, unsigned max_bits) : counts_(counts), max_bits_(max_bits) {
    for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
      frequency_[symbol] = counts[symbol];
      if (counts[symbol] != 0) add_leaf(symbol);
    }
    while (size_ < 2) {
      const std::size_t symbol = code_.last_symbol < 2 && size_ > 0 ? ++code_.last_symbol : 0;
      frequency_[symbol] = 1;
      invented_[symbol] = true;
      heap_[++size_] = symbol;
    }
  }

  HuffmanCode grow() {
    for (std::size_t at = size_ / 2; at >= 1; --at) sink(at);
    std::size_t next = counts_.size();
    do {
      const std::size_t least = pop();
      const std::size_t second = heap_[1];
      order_.push_back(least);
      order_.push_back(second);
      frequency_[next] = frequency_[least] + frequency_[second];
      depth_[next] = static_cast<std::uint8_t>(std::max(depth_[least], depth_[second]) + 1);
      parent_[least] = parent_[second] = next;
      heap_[1] = next++;
      sink(1);
    } while (size_ >= 2);
    root_ = heap_[1];
    measure();
    code_.number(counts_.size());
    return code_;
  }

 private:
  void add_leaf(std::size_t symbol) {
    heap_[++size_] = symbol;
    code_.last_symbol = symbol;
  }

  bool is_smaller(std::size_t a, std::size_t b) const {
    return frequency_[a] < frequency_[b] || (frequency_[a] == frequency_[b] && depth_[a] <= depth_[b]);
  }

  void sink(std::size_t at) {
    const std::size_t node = heap_[at];
    for (std::size_t child = 2 * at; child <= size_; child *= 2) {
      if (child < size_ && is_smaller(heap_[child + 1], heap_[child])) ++child;
      if (is_smaller(node, heap_[child])) break;
      heap_[at] = heap_[child];
      at = child;
    }
    heap_[at] = node;
  }

  std::size_t pop() {
    const std::size_t node = heap_[1];
    heap_[1] = heap_[size_--];
    sink(1);
    return node;
  }

  // Lengths from the root down; a code that would be too long is cut, and others are made longer for it.
  void measure() {
    std::array<unsigned, kMaxCodeBits + 1> of_length{};
    std::vector<std::uint8_t> length(kMaxNodes);
    int overflow = 0;
    for (std::size_t i = order_.size(); i-- > 0;) {
      const std::size_t node = order_[i];
      unsigned bits = (parent_[node] == root_ ? 0U : length[parent_[node]]) + 1;
      if (bits > max_bits_) {
        bits = max_bits_;
        ++overflow;
      }
      length[node] = static_cast<std::uint8_t>(bits);
      if (node >= counts_.size()) continue;
      ++of_length[bits];
      code_.bits[node] = static_cast<std::uint8_t>(bits);
    }
    if (overflow > 0) shorten(of_length, overflow);
    for (std::size_t symbol = 0; symbol < counts_.size(); ++symbol)
      if (!invented_[symbol]) code_.cost_bits += std::uint64_t{counts_[symbol]} * code_.bits[symbol];
  }

  void shorten(std::array<unsigned, kMaxCodeBits + 1>& of_length, int overflow) {
    for (; overflow > 0; overflow -= 2) {
      unsigned bits = max_bits_ - 1;
      while (of_length[bits] == 0) --bits;
      --of_length[bits];
      of_length[bits + 1] += 2;
      --of_length[max_bits_];
    }
    std::size_t at = 0;  // the rarest symbols get the longest codes
    for (unsigned bits = max_bits_; bits > 0; --bits) {
      for (unsigned left = of_length[bits]; left > 0;) {
        const std::size_t node = order_[at++];
        if (node >= counts_.size()) continue;
        code_.bits[node] = static_cast<std::uint8_t>(bits);
        --left;
      }
    }
  }

  std::span<const std::uint16_t> counts_;
  const unsigned max_bits_;
  HuffmanCode code_;
  std::array<std::uint32_t, kMaxNodes> frequency_{};
  std::array<std::uint8_t, kMaxNodes> depth_{};
  std::array<std::size_t, kMaxNodes> parent_{};
  std::array<std::size_t, kMaxNodes> heap_{};  // from 1 on, the least first
  std::array<bool, kMaxSymbols> invented_{};
  std::size_t size_ = 0;
  std::size_t root_ = 0;
  std::vector<std::size_t> order_;  // nodes as they left the heap
};

}  // namespace

HuffmanCode HuffmanCode::of(std::span<const std::uint16_t> counts, unsigned max_bits) { return Growth(counts, max_bits).grow(); }

void HuffmanCode::number(std::size_t symbols) {
  std::array<unsigned, kMaxCodeBits + 2> next{};
  for (std::size_t symbol = 0; symbol < symbols; ++symbol) ++next[bits[symbol] + 1U];
  next[1] = 0;  // symbols without a code
  unsigned code = 0;
  for (unsigned length = 1; length <= kMaxCodeBits; ++length) {
    const unsigned count = length == 1 ? 0 : next[length];
    code = (code + count) << 1;
    next[length] = code;
  }
  for (std::size_t symbol = 0; symbol < symbols; ++symbol) {
    const unsigned length = bits[symbol];
    if (length == 0) continue;
    unsigned value = next[length]++;
    unsigned reversed = 0;
    for (unsigned i = 0; i < length; ++i, value >>= 1) reversed = reversed << 1 | (value & 1);
    codes[symbol] = static_cast<std::uint16_t>(reversed);
  }
}

}  // namespace aloft::delta
