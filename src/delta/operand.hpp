// What code refers to relative to itself, and where it may be now: what was referred to before has moved by as much.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "delta/difference_model.hpp"

namespace aloft::delta {

inline constexpr std::uint32_t kOperandBytes = 4;

// Instructions of arm64, each a word of four bytes.
namespace arm64 {

inline constexpr std::size_t kLookBytes = 32;  // behind an instruction with a page, for the one with the byte in it

// b and bl; adrp; add of 12 bits, or a load or store with as many.
constexpr bool is_branch(std::uint32_t word) { return (word & 0x7C000000U) == 0x14000000U; }
constexpr bool is_page(std::uint32_t word) { return (word & 0x9F000000U) == 0x90000000U; }
constexpr bool is_add(std::uint32_t word) { return (word & 0xFFC00000U) == 0x91000000U; }
constexpr bool is_low(std::uint32_t word) { return is_add(word) || (word & 0x3B000000U) == 0x39000000U; }

constexpr std::uint32_t kBranchField = 0x03FFFFFFU;
constexpr std::uint32_t kPageField = 0x60FFFFE0U;
constexpr std::uint32_t kLowField = 0x003FFC00U;
constexpr std::uint32_t field_of(std::uint32_t word) { return is_branch(word) ? kBranchField : is_page(word) ? kPageField : kLowField; }

constexpr std::uint32_t page_of(std::uint32_t place) { return place & ~4095U; }
constexpr std::uint32_t branch_distance(std::uint32_t word) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(word << 6) >> 4);
}
constexpr std::uint32_t page_distance(std::uint32_t word) { return word >> 5 << 14 | (word >> 29 & 3) << 12; }
// What a load's or store's 12 bits count in is its size: 1, 2, 4, 8, or 16 bytes.
constexpr unsigned scale_of(std::uint32_t word) {
  if (is_add(word)) return 0;
  return (word & 0xC4800000U) == 0x04800000U ? 4 : word >> 30;
}
constexpr std::uint32_t low_of(std::uint32_t word) { return (word >> 10 & 4095) << scale_of(word); }

// Whether an old byte is one with which many instructions end: bl, adrp, add, and loads and moves of 64 bits.
constexpr bool ends_often(std::uint32_t byte) {
  return (byte & 0xFC) == 0x94 || (byte & 0x9F) == 0x90 || byte == 0x91 || byte == 0xF9 || byte == 0xAA;
}

}  // namespace arm64

// Four bytes of code, of the new ones as many as are known. Memory: 48 KiB.
class Operand {
 public:
  static constexpr std::size_t kGuesses = 4;
  static constexpr std::uint32_t kUnknown = 256;
  static constexpr std::uint32_t kNone = 257;

  void reset() {
    for (auto& table : moved_) table.fill(0);
    last_moved_ = 0;
    pages_ = {};
    leave();
  }
  void leave() { at_ = kOperandBytes; }
  bool is_inside() const { return at_ < kOperandBytes; }
  std::uint32_t position() const { return is_inside() ? static_cast<std::uint32_t>(at_) + 1 : 0; }

  // x86: a distance from its own end on. `place` is where it stands in the old image, and has moved by `shift`.
  void enter_distance(std::uint32_t old_value, std::uint32_t place, std::uint32_t shift) {
    enter(old_value, place, shift, place + kOperandBytes + old_value);
    is_word_ = false;
    for (std::size_t i = 0; i < kGuesses; ++i) guessed_[i] = old_ + guesses_[i] - shift_;
  }
  // arm64: an instruction, if it has an operand that refers to a place. `behind` are the old bytes that follow it.
  void enter_word(std::uint32_t word, ByteView behind, std::uint32_t place, std::uint32_t shift) {
    if (arm64::is_branch(word)) {
      enter(word, place, shift, place + arm64::branch_distance(word));
    } else if (arm64::is_page(word)) {
      enter(word, place, shift, arm64::page_of(place) + arm64::page_distance(word) + low_behind(word, behind));
    } else if (arm64::is_low(word) && pages_[word >> 5 & 31].known) {
      enter(word, place, shift, pages_[word >> 5 & 31].old_page + arm64::low_of(word));
    } else {
      return;
    }
    is_word_ = true;
    for (std::size_t i = 0; i < kGuesses; ++i) guessed_[i] = word_to(target_ + guesses_[i]);
  }

  // The difference that the guess has for this byte; kUnknown when it was wrong about an earlier one.
  std::uint32_t expected(std::size_t guess, std::uint32_t old_byte) const {
    if (!is_inside()) return kNone;
    return held_[guess] ? ((guessed_[guess] >> (8 * at_)) - old_byte) & 255 : kUnknown;
  }
  void put(std::uint32_t old_byte, std::uint32_t difference) {
    if (!is_inside()) return;
    for (std::size_t i = 0; i < guesses_.size(); ++i) held_[i] = held_[i] && expected(i, old_byte) == difference;
    new_ |= ((old_byte + difference) & 255) << (8 * at_);
    if (++at_ < kOperandBytes) return;
    if (is_word_) {
      learn_word();
    } else {
      learn(new_ - old_ + shift_);
    }
  }

 private:
  // What adrp has left in a register.
  struct Page {
    std::uint32_t old_page = 0;
    std::uint32_t new_page = 0;
    bool known = false;
  };

  void enter(std::uint32_t old_value, std::uint32_t place, std::uint32_t shift, std::uint32_t target) {
    at_ = 0;
    old_ = old_value;
    new_ = 0;
    place_ = place;
    shift_ = shift;
    target_ = target;
    guesses_ = {moved_[0][slot(0)], moved_[1][slot(1)], last_moved_, moved_[2][slot(2)]};
    held_.fill(true);
  }

  // The byte in the page that adrp's register is used with first; the page's middle where that is not seen.
  static std::uint32_t low_behind(std::uint32_t word, ByteView behind) {
    for (std::size_t i = 0; i + kOperandBytes <= behind.size() && i < arm64::kLookBytes; i += kOperandBytes) {
      const std::uint32_t next = load_le32(behind.subspan(i));
      if (arm64::is_low(next) && (next >> 5 & 31) == (word & 31)) return arm64::low_of(next);
    }
    return 2048;
  }

  // The instruction that refers to the place in the new image.
  std::uint32_t word_to(std::uint32_t target) const {
    const std::uint32_t now = place_ + shift_;
    std::uint32_t field = (target & 4095) >> arm64::scale_of(old_) << 10;
    if (arm64::is_branch(old_)) field = (target - now) >> 2;
    if (arm64::is_page(old_)) {
      const auto pages = static_cast<std::uint32_t>(static_cast<std::int32_t>(target - arm64::page_of(now)) >> 12);
      field = (pages & 3) << 29 | pages >> 2 << 5;
    }
    const std::uint32_t mask = arm64::field_of(old_);
    return (old_ & ~mask) | (field & mask);
  }

  void learn_word() {
    const std::uint32_t now = place_ + shift_;
    const bool same = ((old_ ^ new_) & ~arm64::field_of(old_)) == 0;
    if (arm64::is_page(old_)) {
      pages_[old_ & 31] = {arm64::page_of(place_) + arm64::page_distance(old_), arm64::page_of(now) + arm64::page_distance(new_), same};
    } else if (same) {
      learn((arm64::is_branch(old_) ? now + arm64::branch_distance(new_) : pages_[old_ >> 5 & 31].new_page + arm64::low_of(new_)) -
            target_);
    }
  }

  void learn(std::uint32_t movement) {
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
  std::array<Page, 32> pages_{};  // of arm64's registers
  std::uint32_t last_moved_ = 0;
  std::size_t at_ = kOperandBytes;
  bool is_word_ = false;
  std::uint32_t old_ = 0;
  std::uint32_t new_ = 0;
  std::uint32_t place_ = 0;
  std::uint32_t shift_ = 0;
  std::uint32_t target_ = 0;
  std::array<std::uint32_t, kGuesses> guesses_{};  // how far the target has moved
  std::array<std::uint32_t, kGuesses> guessed_{};  // the four bytes by that
  std::array<bool, kGuesses> held_{};
};

}  // namespace aloft::delta
