// Finds the instructions in a run of old bytes, and the operands among them, for processors whose instructions have a place to begin at.
#pragma once

#include <algorithm>
#include <array>

#include "delta/difference_model.hpp"
#include "delta/operand.hpp"

namespace aloft::delta {

// Where units of code begin, as places modulo their size: most of the bytes that often mark them say so. A file system's compressed blocks
// may begin anywhere in a file.
class UnitStarts {
 public:
  explicit UnitStarts(const Instructions& set) : set_(set) { reset(); }
  void reset() {
    seen_ = {};
    seen_[set_.marked] = 1;
  }
  void see(ByteView bytes, std::uint32_t place) {
    while (std::ranges::max(seen_) > kMaxSeen)
      for (std::uint32_t& seen : seen_) seen /= 2;
    for (const std::byte byte : bytes) seen_[place++ & 3] += set_.marks(std::to_integer<std::uint32_t>(byte)) ? 1U : 0U;
  }
  std::uint32_t most() const { return std::ranges::max(by_unit()); }
  std::uint32_t start() const {
    const auto all = by_unit();
    return (static_cast<std::uint32_t>(std::ranges::max_element(all) - all.begin()) - set_.marked) & (set_.unit - 1);
  }

 private:
  std::array<std::uint32_t, 4> by_unit() const {
    if (set_.unit == 4) return seen_;
    return {seen_[0] + seen_[2], seen_[1] + seen_[3], 0, 0};
  }
  static constexpr std::uint32_t kMaxSeen = 64;
  const Instructions& set_;
  std::array<std::uint32_t, 4> seen_{};
};

// The last literals that code was seen to use. Memory: 1 KiB.
class Literals {
 public:
  void reset() { *this = {}; }
  void see(const LiteralUse& use) {
    if (use.kind == LiteralUse::Kind::loaded) loaded_[use.in] = {.place = use.place, .from = 0, .known = true};
    if (use.kind != LiteralUse::Kind::added || !loaded_[use.in].known) return;
    Literal& literal = all_[slot(loaded_[use.in].place)];
    literal = loaded_[use.in];
    literal.from = use.place;
    loaded_[use.in].known = false;
  }
  // What the literal at this place is a distance from; null: it is none.
  const std::uint32_t* from(std::uint32_t place) const {
    const Literal& literal = all_[slot(place)];
    return literal.known && literal.place == place ? &literal.from : nullptr;
  }

 private:
  struct Literal {
    std::uint32_t place = 0;
    std::uint32_t from = 0;
    bool known = false;
  };
  static constexpr std::size_t kCount = 128;
  static std::size_t slot(std::uint32_t place) { return place >> 2 & (kCount - 1); }
  std::array<Literal, kCount> all_{};
  std::array<Literal, 16> loaded_{};  // by register
};

class CodeReader {
 public:
  // Not for x86, whose instructions may begin anywhere.
  explicit CodeReader(Processor processor)
      : first_(processor == Processor::arm64   ? arm64::kInstructions
               : processor == Processor::arm32 ? thumb::kInstructions
                                               : riscv::kInstructions),
        has_two_(processor == Processor::arm32) {}

  void reset() {
    first_starts_.reset();
    second_starts_.reset();
    literals_.reset();
  }

  // `place` is where the run stands in the old image, and has moved by `shift`.
  void begin(ByteView run, std::uint32_t place, std::uint32_t shift) {
    run_ = run;
    place_ = place;
    shift_ = shift;
    first_starts_.see(run, place);
    if (has_two_) second_starts_.see(run, place);
    const bool is_second = has_two_ && second_starts_.most() > first_starts_.most();
    set_ = is_second ? &a32::kInstructions : &first_;
    next_ = ((is_second ? second_starts_ : first_starts_).start() - place) & (set_->unit - 1);
    inside_ = set_->unit - static_cast<std::uint32_t>(next_);
    operation_ = next_ + set_->marked >= set_->unit ? byte_at(next_ + set_->marked - set_->unit) : 0;
  }

  // Of each byte of the run in turn, which still is the old one as those behind it are: what its instruction does, and which of its bytes
  // it is. An operand that begins with it is entered.
  std::uint32_t look(std::size_t at, Operand& operand) {
    if (at == next_) begin_instruction(at, operand);
    return operation_ | inside_++ << 16;
  }

 private:
  std::uint32_t byte_at(std::size_t at) const { return at < run_.size() ? std::to_integer<std::uint32_t>(run_[at]) : 0; }

  void begin_instruction(std::size_t at, Operand& operand) {
    const std::uint32_t place = place_ + static_cast<std::uint32_t>(at);
    const ByteView rest = run_.subspan(at);
    const bool has_word = rest.size() >= kOperandBytes;
    inside_ = 0;
    const std::uint32_t* from = has_word ? literals_.from(place) : nullptr;
    if (from != nullptr) {
      operation_ = kLiteral;
      next_ += kOperandBytes;
      return operand.enter_distance(load_le32(rest), *from, shift_);
    }
    operation_ = byte_at(at + set_->marked);
    const std::uint32_t unit = byte_at(at) | byte_at(at + 1) << 8;
    const std::uint32_t size_bytes = set_->bytes(unit);
    next_ += size_bytes;
    if (rest.size() < size_bytes) return;
    const std::uint32_t word = size_bytes == kOperandBytes ? load_le32(rest) : unit;
    if (set_->literal != nullptr) literals_.see(set_->literal(word, place));
    if (size_bytes == kOperandBytes) operand.enter_word(*set_, word, rest.subspan(kOperandBytes), place, shift_);
  }

  static constexpr std::uint32_t kLiteral = 1;  // as an operation
  const Instructions& first_;
  const bool has_two_;  // of 32-bit ARM, where calls change from one to the other
  UnitStarts first_starts_{first_};
  UnitStarts second_starts_{a32::kInstructions};
  Literals literals_;
  const Instructions* set_ = nullptr;  // of this run
  ByteView run_;
  std::uint32_t place_ = 0;
  std::uint32_t shift_ = 0;
  std::size_t next_ = 0;         // where the next instruction begins in the run
  std::uint32_t inside_ = 0;     // how far into its instruction the next byte is
  std::uint32_t operation_ = 0;  // of it
};

}  // namespace aloft::delta
