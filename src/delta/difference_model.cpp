#include "delta/difference_model.hpp"

#include <algorithm>
#include <optional>

#include "delta/code_reader.hpp"
#include "delta/mixer.hpp"

namespace aloft::delta {
namespace {

constexpr unsigned kSlotBits = 17;
constexpr std::size_t kNearness = 16;               // how far the last difference is, as far as that matters
constexpr std::size_t kPositions = 5;               // outside an operand, or at one of its bytes
constexpr std::size_t kValueSets = kPositions * 8;  // after those of the flags

std::uint32_t mix(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint32_t x = a * 0x9E3779B1U ^ (b + 0x7F4A7C15U) * 0x85EBCA6BU ^ (c + 0x165667B1U) * 0xC2B2AE35U;
  x ^= x >> 15;
  x *= 0x2C1B3C6DU;
  return x ^ x >> 13;
}

std::uint32_t u32(std::byte byte) { return std::to_integer<std::uint32_t>(byte); }

// The bit that is coded: whether the byte's difference is not 0, or one of the difference's.
struct Asked {
  std::size_t index;       // of the byte in its run
  std::uint32_t old_byte;  // there
  unsigned number;         // 7 to 0 of the difference, or kFlag
};
constexpr unsigned kFlag = 8;

// The differences so far.
struct Past {
  std::array<std::uint8_t, 32> ring{};
  std::uint32_t count = 0;
  std::uint32_t flags = 0;     // which of the last were not 0; the lowest bit is the last
  std::uint32_t distance = 0;  // since one was not 0
  std::uint32_t last = 0;      // that was not 0
  std::uint32_t back(std::uint32_t by) const { return ring[(count - by) % ring.size()]; }
  void put(std::uint32_t difference) {
    ring[count++ % ring.size()] = static_cast<std::uint8_t>(difference);
    flags = flags << 1 | static_cast<std::uint32_t>(difference != 0);
    distance = difference != 0 ? 0 : distance + 1;
    if (difference != 0) last = difference;
  }
};

// x86: call, jmp, a conditional jump, or an operand relative to the instruction pointer stands before.
bool is_before_operand(std::uint32_t before, std::uint32_t two_before) {
  return before == 0xE8 || before == 0xE9 || (two_before == 0x0F && (before & 0xF0) == 0x80) || (before & 0xC7) == 0x05;
}

}  // namespace

class DifferenceModel {
 public:
  explicit DifferenceModel(Processor processor) {
    if (processor != Processor::x86) code_.emplace(processor);
  }

  void reset() {
    mixer_.reset();
    past_ = {};
    operand_.reset();
    if (code_) code_->reset();
  }

  // Each byte of the run in turn: code(probability of a 1, mixer) gives the bit; `bytes` are old ones, and become new.
  template <typename Code>
  void run(MutableByteView bytes, RunPlace place, const Code& code) {
    operand_.leave();
    before_ = 0;
    const auto old_place = static_cast<std::uint32_t>(place.old_place);
    const auto new_place = static_cast<std::uint32_t>(place.new_place);
    if (code_) code_->begin(bytes, old_place, new_place - old_place);
    std::uint32_t two_before = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::uint32_t byte = u32(bytes[i]);
      const auto index = static_cast<std::uint32_t>(i);
      if (code_) {
        before_ = code_->look(i, operand_);
      } else if (!operand_.is_inside() && i > 0 && bytes.size() - i >= kOperandBytes && is_before_operand(before_, two_before)) {
        operand_.enter_distance(load_le32(bytes.subspan(i)), old_place + index + kOperandBytes, new_place - old_place);
      }
      const std::uint32_t difference = one(byte, new_place + index, i, code);
      past_.put(difference);
      operand_.put(byte, difference);
      two_before = before_;
      before_ = byte;
      bytes[i] = static_cast<std::byte>(byte + difference);
    }
  }

 private:
  template <typename Code>
  std::uint32_t one(std::uint32_t byte, std::uint32_t new_place, std::size_t index, const Code& code) {
    std::uint32_t guesses = 0;  // each: something, 0, or unknown
    for (std::size_t i = 0; i < Operand::kGuesses; ++i) {
      const std::uint32_t expected = operand_.expected(i, byte);
      guesses = guesses * 3 + (expected >= Operand::kUnknown ? 2 : expected == 0 ? 1 : 0);
    }
    const std::uint32_t position = operand_.position();
    const std::uint32_t nearness = std::min<std::uint32_t>(past_.distance, kNearness - 1);
    const Past& past = past_;
    const std::array<std::uint32_t, 5> flag = {
        mix(1 | position << 8, past.flags & 255, byte), mix(2, before_ | byte << 8, (past.flags & 15) | position << 8),
        mix(3, past.back(8) | past.back(24) << 8 | past.back(16) << 16, new_place & 7), mix(4, guesses, nearness | position << 8),
        mix(5, past.back(4) | past.back(8) << 8 | past.back(12) << 16, past.flags & 15)};
    const bool differs = code(mixer_, mixer_.predict(flag, nearness * kPositions + position), Asked{index, byte, kFlag});
    return differs ? value(byte, index, code) : 0;
  }

  // The bits of a difference that is not 0.
  template <typename Code>
  std::uint32_t value(std::uint32_t byte, std::size_t index, const Code& code) {
    const Past& past = past_;
    const std::uint32_t position = operand_.position();
    const std::uint32_t nearness = std::min<std::uint32_t>(past.distance, kNearness - 1);
    const std::array<std::uint32_t, 6> hashes = {mix(6 | position << 8, operand_.expected(0, byte), operand_.expected(2, byte)),
                                                 mix(7 | position << 8, operand_.expected(1, byte), operand_.expected(3, byte)),
                                                 mix(8, past.back(8) | past.back(4) << 8, 0),
                                                 mix(9, byte | past.back(1) << 8, position),
                                                 mix(10, past.last, position | nearness << 4),
                                                 mix(11, past.back(8) | past.back(16) << 8 | past.back(24) << 16, 0)};
    std::array<std::uint32_t, 6> contexts;
    std::uint32_t node = 1;
    for (unsigned bit = 8; bit-- > 0;) {
      for (std::size_t i = 0; i < hashes.size(); ++i) contexts[i] = (hashes[i] + node * 0x3D4D51CBU) * 0x9E3779B1U;
      const int probability = mixer_.predict(contexts, kNearness * kPositions + position * 8 + bit);
      node = node << 1 | static_cast<std::uint32_t>(code(mixer_, probability, Asked{index, byte, bit}));
    }
    return node & 255;
  }

  Mixer mixer_{kSlotBits, kNearness* kPositions + kValueSets};
  Past past_;
  Operand operand_;
  std::optional<CodeReader> code_;  // none: x86
  std::uint32_t before_ = 0;        // the old byte before, or what is known of its instruction
};

namespace {

std::uint32_t middle(std::uint32_t low, std::uint32_t high, int probability) {
  return low + ((high - low) >> kProbabilityBits) * static_cast<std::uint32_t>(probability);
}

// The bytes that both ends of the interval begin with.
template <typename Take>
void narrow(std::uint32_t& low, std::uint32_t& high, const Take& take) {
  while (((low ^ high) & 0xFF000000U) == 0) {
    take();
    low <<= 8;
    high = high << 8 | 255;
  }
}

}  // namespace

DifferenceEncoder::DifferenceEncoder(Processor processor) : model_(std::make_unique<DifferenceModel>(processor)) {}
DifferenceEncoder::~DifferenceEncoder() = default;

void DifferenceEncoder::begin() {
  model_->reset();
  coded_.clear();
  low_ = 0;
  high_ = UINT32_MAX;
}

void DifferenceEncoder::add(ByteView from, ByteView to, RunPlace place) {
  Bytes bytes(from.begin(), from.end());
  model_->run(bytes, place, [&](Mixer& mixer, int probability, const Asked& asked) {
    const std::uint32_t difference = (u32(to[asked.index]) - asked.old_byte) & 255;
    const bool bit = asked.number == kFlag ? difference != 0 : (difference >> asked.number & 1) != 0;
    const std::uint32_t at = middle(low_, high_, probability);
    (bit ? high_ : low_) = bit ? at : at + 1;
    narrow(low_, high_, [&] { coded_.push_back(static_cast<std::byte>(high_ >> 24)); });
    mixer.learn(bit);
    return bit;
  });
}

// One more byte is enough: what a decoder finds behind the end is zeros.
const Bytes& DifferenceEncoder::finish() {
  coded_.push_back(static_cast<std::byte>((low_ >> 24) + 1));
  return coded_;
}

DifferenceDecoder::DifferenceDecoder(Processor processor) : model_(std::make_unique<DifferenceModel>(processor)) {}
DifferenceDecoder::~DifferenceDecoder() = default;

void DifferenceDecoder::begin(ByteView coded) {
  model_->reset();
  coded_ = coded;
  low_ = 0;
  high_ = UINT32_MAX;
  value_ = 0;
  for (taken_ = 0; taken_ < 4; ++taken_) value_ = value_ << 8 | (taken_ < coded_.size() ? u32(coded_[taken_]) : 0);
}

void DifferenceDecoder::apply(MutableByteView bytes, RunPlace place) {
  model_->run(bytes, place, [&](Mixer& mixer, int probability, const Asked&) {
    const std::uint32_t at = middle(low_, high_, probability);
    const bool bit = value_ <= at;
    (bit ? high_ : low_) = bit ? at : at + 1;
    narrow(low_, high_, [&] {
      value_ = value_ << 8 | (taken_ < coded_.size() ? u32(coded_[static_cast<std::size_t>(taken_)]) : 0);
      ++taken_;
    });
    mixer.learn(bit);
    return bit;
  });
}

bool DifferenceDecoder::is_used_up() const { return taken_ == coded_.size() + 3; }

}  // namespace aloft::delta
