// What code refers to relative to itself, and where it may be now: what was referred to before has moved by as much.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "delta/instructions.hpp"

namespace aloft::delta {

inline constexpr std::uint32_t kOperandBytes = 4;
inline constexpr std::size_t kLookBytes = 32;  // behind an upper instruction, for the lower one

// Four bytes of code, of the new ones as many as are known. Memory: 48 KiB.
class Operand {
 public:
  static constexpr std::size_t kGuesses = 4;
  static constexpr std::uint32_t kUnknown = 256;
  static constexpr std::uint32_t kNone = 257;

  void reset() {
    for (auto& table : moved_) table.fill(0);
    last_moved_ = 0;
    registers_ = {};
    leave();
  }
  void leave() { at_ = kOperandBytes; }
  bool is_inside() const { return at_ < kOperandBytes; }
  std::uint32_t position() const { return is_inside() ? static_cast<std::uint32_t>(at_) + 1 : 0; }

  // A distance from the place `from` on in the old image, which has moved by `shift`.
  void enter_distance(std::uint32_t old_value, std::uint32_t from, std::uint32_t shift) {
    reference_ = {};
    enter(old_value, from + old_value, from, from + shift);
  }
  // An instruction, if it refers to a place. `place` is where it stands in the old image, `behind` are the old bytes that follow it.
  void enter_word(const Instructions& set, std::uint32_t word, ByteView behind, std::uint32_t place, std::uint32_t shift) {
    set_ = &set;
    reference_ = set.reference(word);
    Register& in = registers_[reference_.in];
    const std::uint32_t from = set.from(word, place);
    const std::uint32_t from_now = set.from(word, place + shift);
    if (reference_.part == Part::whole) {
      enter(word, from + set.distance(word), from, from_now);
    } else if (reference_.part == Part::upper) {
      const std::uint32_t rest = rest_behind(behind);
      if (rest != kNoRest) enter(word, from + set.distance(word) + rest, from, from_now);
    } else if (reference_.part == Part::lower && in.known) {
      enter(word, in.old_value + set.distance(word), in.old_value, in.new_value);
      in.known = !set.once;
    }
  }

  // The difference that the guess has for this byte; kUnknown when it was wrong about an earlier one.
  std::uint32_t expected(std::size_t guess, std::uint32_t old_byte) const {
    if (!is_inside()) return kNone;
    return held_[guess] ? ((guessed_[guess] >> (8 * at_)) - old_byte) & 255 : kUnknown;
  }
  void put(std::uint32_t old_byte, std::uint32_t difference) {
    if (!is_inside()) return;
    for (std::size_t i = 0; i < kGuesses; ++i) held_[i] = held_[i] && expected(i, old_byte) == difference;
    new_ |= ((old_byte + difference) & 255) << (8 * at_);
    if (++at_ < kOperandBytes) return;
    learn();
  }

 private:
  // What the upper one of two instructions has left in a register.
  struct Register {
    std::uint32_t old_value = 0;
    std::uint32_t new_value = 0;
    bool known = false;
  };

  void enter(std::uint32_t old_value, std::uint32_t target, std::uint32_t from, std::uint32_t from_now) {
    at_ = 0;
    old_ = old_value;
    new_ = 0;
    target_ = target;
    from_ = from;
    from_now_ = from_now;
    const std::array<std::uint32_t, kGuesses> movements = {moved_[0][slot(0)], moved_[1][slot(1)], last_moved_, moved_[2][slot(2)]};
    for (std::size_t i = 0; i < kGuesses; ++i) guessed_[i] = to(target_ + movements[i]);
    held_.fill(true);
  }

  // What the lower part adds to the upper one.
  std::uint32_t rest_behind(ByteView behind) const {
    for (std::size_t i = 0; i + kOperandBytes <= behind.size() && i < kLookBytes;) {
      const std::uint32_t next = load_le32(behind.subspan(i));
      const std::uint32_t size_bytes = set_->bytes(next & 0xFFFF);
      const Reference reference = size_bytes == kOperandBytes ? set_->reference(next) : Reference();
      if (reference.part == Part::lower && reference.in == reference_.in) return set_->distance(next);
      i += size_bytes;
    }
    return set_->rest;
  }

  // The four bytes that refer to the place in the new image.
  std::uint32_t to(std::uint32_t target) const {
    const std::uint32_t distance = target - from_now_;
    if (reference_.part == Part::none) return distance;
    return (old_ & ~reference_.field) | (set_->field(old_, distance) & reference_.field);
  }

  void learn() {
    if (reference_.part == Part::none) return learn_movement(from_now_ + new_ - target_);
    const bool same = ((old_ ^ new_) & ~reference_.field) == 0;
    if (reference_.part == Part::upper) {
      registers_[reference_.in] = {from_ + set_->distance(old_), from_now_ + set_->distance(new_), same};
    } else if (same) {
      learn_movement(from_now_ + set_->distance(new_) - target_);
    }
  }
  void learn_movement(std::uint32_t movement) {
    last_moved_ = movement;
    for (std::size_t i = 0; i < moved_.size(); ++i) moved_[i][slot(i)] = movement;
  }
  // Of the target itself, of its 256 bytes, and of its 4096.
  std::size_t slot(std::size_t table) const {
    constexpr std::array<unsigned, 3> kShifts = {0, 8, 12};
    return (target_ >> kShifts[table]) * 0x9E3779B1U >> (32 - kTargetBits);
  }

  static constexpr unsigned kTargetBits = 12;
  std::array<std::array<std::uint32_t, 1 << kTargetBits>, 3> moved_{};
  std::array<Register, 32> registers_{};
  std::uint32_t last_moved_ = 0;
  std::size_t at_ = kOperandBytes;
  const Instructions* set_ = nullptr;  // the word's
  Reference reference_;                // no part: a distance
  std::uint32_t old_ = 0;
  std::uint32_t new_ = 0;
  std::uint32_t target_ = 0;
  std::uint32_t from_ = 0;      // where that is counted from
  std::uint32_t from_now_ = 0;  // in the new image
  std::array<std::uint32_t, kGuesses> guessed_{};
  std::array<bool, kGuesses> held_{};
};

}  // namespace aloft::delta
