#include "delta/deflate_block.hpp"

#include <algorithm>

#include "delta/deflate_tree.hpp"

namespace aloft::delta {
namespace {

constexpr unsigned kEndOfBlock = 256;
constexpr unsigned kMaxLengthBits = 7;  // of a code for lengths of codes
constexpr std::size_t kStaticSymbols = 288;
constexpr std::array<std::uint8_t, 19> kLengthOrder = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
constexpr unsigned kRepeat = 16;
constexpr unsigned kFewZeros = 17;
constexpr unsigned kManyZeros = 18;
constexpr std::uint64_t kEstimatedDistanceBits = 5;

enum : std::uint32_t { kStored = 0, kStatic = 1, kDynamic = 2 };

// RFC 1951, 3.2.5: a code stands for 2^extra values.
struct Codes {
  std::array<std::uint8_t, 256> length_code{};  // by a match's bytes less 3
  std::array<std::uint16_t, 29> length_base{};
  std::array<std::uint16_t, 30> distance_base{};
};

constexpr unsigned length_extra(unsigned code) { return code < 8 || code == 28 ? 0 : code / 4 - 1; }
constexpr unsigned distance_extra(unsigned code) { return code < 4 ? 0 : code / 2 - 1; }

constexpr Codes make_codes() {
  Codes codes;
  unsigned base = 0;
  for (unsigned code = 0; code < 28; ++code) {
    codes.length_base[code] = static_cast<std::uint16_t>(base);
    for (unsigned i = 0; i < 1U << length_extra(code) && base < 256; ++i) codes.length_code[base++] = static_cast<std::uint8_t>(code);
  }
  codes.length_base[28] = 255;
  codes.length_code[255] = 28;
  base = 0;
  for (unsigned code = 0; code < 30; ++code) {
    codes.distance_base[code] = static_cast<std::uint16_t>(base);
    base += 1U << distance_extra(code);
  }
  return codes;
}
constexpr Codes kCodes = make_codes();

unsigned distance_code(unsigned distance_less_1) {
  return static_cast<unsigned>(std::ranges::upper_bound(kCodes.distance_base, distance_less_1) - kCodes.distance_base.begin()) - 1;
}

const HuffmanCode& static_literals() {
  static const HuffmanCode kCode = [] {
    HuffmanCode code;
    for (std::size_t symbol = 0; symbol < kStaticSymbols; ++symbol)
      code.bits[symbol] = symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8;
    code.number(kStaticSymbols);
    return code;
  }();
  return kCode;
}

const HuffmanCode& static_distances() {
  static const HuffmanCode kCode = [] {
    HuffmanCode code;
    std::fill_n(code.bits.begin(), 30, std::uint8_t{5});
    code.number(30);
    return code;
  }();
  return kCode;
}

// Lengths of codes, as a dynamic block tells them: runs in symbols of their own.
struct LengthRun {
  std::uint8_t symbol;
  std::uint8_t extra;  // what follows it
};

unsigned run_extra_bits(unsigned symbol) { return symbol < kRepeat ? 0 : symbol == kRepeat ? 2 : symbol == kFewZeros ? 3 : 7; }

void put_run(std::vector<LengthRun>& runs, unsigned length, unsigned count, bool is_new, unsigned least) {
  if (count < least) {
    runs.insert(runs.end(), count, {static_cast<std::uint8_t>(length), 0});
  } else if (length != 0) {
    if (is_new) {
      runs.push_back({static_cast<std::uint8_t>(length), 0});
      --count;
    }
    runs.push_back({kRepeat, static_cast<std::uint8_t>(count - 3)});
  } else if (count <= 10) {
    runs.push_back({kFewZeros, static_cast<std::uint8_t>(count - 3)});
  } else {
    runs.push_back({kManyZeros, static_cast<std::uint8_t>(count - 11)});
  }
}

void add_runs(const HuffmanCode& code, std::vector<LengthRun>& runs) {
  int before = -1;
  unsigned count = 0;
  unsigned most = code.bits[0] == 0 ? 138 : 7;
  unsigned least = code.bits[0] == 0 ? 3 : 4;
  for (std::size_t symbol = 0; symbol <= code.last_symbol; ++symbol) {
    const unsigned length = code.bits[symbol];
    const int next = symbol < code.last_symbol ? code.bits[symbol + 1] : -1;
    if (++count < most && next == static_cast<int>(length)) continue;
    put_run(runs, length, count, static_cast<int>(length) != before, least);
    count = 0;
    before = static_cast<int>(length);
    most = next == 0 ? 138 : next == before ? 6 : 7;
    least = next == 0 || next == before ? 3 : 4;
  }
}

}  // namespace

void BitWriter::begin(MutableByteView out, unsigned first_bits) {
  out_ = out;
  written_ = 0;
  count_ = 0;
  while (first_bits >> (count_ + 1) != 0) ++count_;
  waiting_ = first_bits & ((1U << count_) - 1);
}

void BitWriter::put(std::uint32_t value, unsigned bits) {
  waiting_ |= std::uint64_t{value} << count_;
  for (count_ += bits; count_ >= 8; count_ -= 8, waiting_ >>= 8) {
    if (written_ < out_.size()) out_[written_] = static_cast<std::byte>(waiting_ & 255);
    ++written_;
  }
}

void BitWriter::align() {
  if (count_ > 0) put(0, 8 - count_);
}

struct DeflateBlock::Tree {
  const HuffmanCode& code;
  void put(BitWriter& out, std::size_t symbol) const { out.put(code.codes[symbol], code.bits[symbol]); }
};

DeflateBlock::DeflateBlock() {
  tokens_.reserve(kTokens);
  clear();
}

void DeflateBlock::clear() {
  tokens_.clear();
  matches_ = 0;
  literal_counts_.fill(0);
  distance_counts_.fill(0);
  literal_counts_[kEndOfBlock] = 1;
}

void DeflateBlock::literal(std::byte value) {
  tokens_.push_back({0, std::to_integer<std::uint8_t>(value)});
  ++literal_counts_[std::to_integer<std::uint8_t>(value)];
}

void DeflateBlock::match(unsigned bytes, unsigned distance) {
  tokens_.push_back({static_cast<std::uint16_t>(distance), static_cast<std::uint8_t>(bytes - kMinMatch)});
  ++matches_;
  ++literal_counts_[kEndOfBlock + 1U + kCodes.length_code[bytes - kMinMatch]];
  ++distance_counts_[distance_code(distance - 1)];
}

bool DeflateBlock::is_full(std::uint64_t in_bytes) const {
  if ((tokens_.size() & 0xFFF) == 0) {
    std::uint64_t out_bits = tokens_.size() * 8;
    for (unsigned code = 0; code < distance_counts_.size(); ++code)
      out_bits += distance_counts_[code] * (kEstimatedDistanceBits + distance_extra(code));
    if (matches_ < tokens_.size() / 2 && out_bits / 8 < in_bytes / 2) return true;
  }
  return tokens_.size() == kTokens - 1;
}

void DeflateBlock::write_tokens(BitWriter& out, const Tree& literals, const Tree& distances) const {
  for (const Token& token : tokens_) {
    if (token.distance == 0) {
      literals.put(out, token.value);
      continue;
    }
    const unsigned length = kCodes.length_code[token.value];
    literals.put(out, kEndOfBlock + 1U + length);
    out.put(token.value - kCodes.length_base[length], length_extra(length));
    const unsigned distance = token.distance - 1U;
    const unsigned code = distance_code(distance);
    distances.put(out, code);
    out.put(distance - kCodes.distance_base[code], distance_extra(code));
  }
  literals.put(out, kEndOfBlock);
}

void DeflateBlock::flush(BitWriter& out, ByteView content, bool last) {
  const HuffmanCode literals = HuffmanCode::of(literal_counts_, kMaxCodeBits);
  const HuffmanCode distances = HuffmanCode::of(distance_counts_, kMaxCodeBits);
  std::uint64_t dynamic_bits = literals.cost_bits + distances.cost_bits;
  std::uint64_t static_bits = 0;
  for (std::size_t symbol = 0; symbol < literal_counts_.size(); ++symbol) {
    const unsigned extra = symbol <= kEndOfBlock ? 0 : length_extra(static_cast<unsigned>(symbol) - kEndOfBlock - 1);
    dynamic_bits += std::uint64_t{literal_counts_[symbol]} * extra;
    static_bits += std::uint64_t{literal_counts_[symbol]} * (static_literals().bits[symbol] + extra);
  }
  for (unsigned code = 0; code < distance_counts_.size(); ++code) {
    dynamic_bits += std::uint64_t{distance_counts_[code]} * distance_extra(code);
    static_bits += std::uint64_t{distance_counts_[code]} * (kEstimatedDistanceBits + distance_extra(code));
  }
  std::vector<LengthRun> runs;
  add_runs(literals, runs);
  add_runs(distances, runs);
  std::array<std::uint16_t, kLengthOrder.size()> run_counts{};
  for (const LengthRun& run : runs) ++run_counts[run.symbol];
  const HuffmanCode lengths = HuffmanCode::of(run_counts, kMaxLengthBits);
  std::size_t told = kLengthOrder.size();
  while (told > 4 && lengths.bits[kLengthOrder[told - 1]] == 0) --told;
  dynamic_bits += lengths.cost_bits + 3 * told + 14;
  for (const LengthRun& run : runs) dynamic_bits += run_extra_bits(run.symbol);

  const std::uint64_t static_bytes = (static_bits + 3 + 7) / 8;
  const std::uint64_t best_bytes = std::min(static_bytes, (dynamic_bits + 3 + 7) / 8);
  const std::uint32_t final_bit = last ? 1 : 0;
  if (content.size() + 4 <= best_bytes) {
    out.put(kStored << 1 | final_bit, 3);
    out.align();
    out.put(static_cast<std::uint16_t>(content.size()), 16);
    out.put(static_cast<std::uint16_t>(~content.size()), 16);
    for (const std::byte byte : content) out.put(std::to_integer<std::uint8_t>(byte), 8);
  } else if (static_bytes == best_bytes) {
    out.put(kStatic << 1 | final_bit, 3);
    write_tokens(out, {static_literals()}, {static_distances()});
  } else {
    out.put(kDynamic << 1 | final_bit, 3);
    out.put(static_cast<std::uint32_t>(literals.last_symbol) - kEndOfBlock, 5);
    out.put(static_cast<std::uint32_t>(distances.last_symbol), 5);
    out.put(static_cast<std::uint32_t>(told) - 4, 4);
    for (std::size_t i = 0; i < told; ++i) out.put(lengths.bits[kLengthOrder[i]], 3);
    for (const LengthRun& run : runs) {
      Tree{lengths}.put(out, run.symbol);
      out.put(run.extra, run_extra_bits(run.symbol));
    }
    write_tokens(out, {literals}, {distances});
  }
  clear();
}

}  // namespace aloft::delta
