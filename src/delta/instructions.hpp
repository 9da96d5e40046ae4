// What instructions refer to: in which of their bits, and from where on it is counted.
#pragma once

#include <cstdint>

namespace aloft::delta {

// Of an instruction of four bytes that refers to a place: all of it; or its upper part, which is left in a register, or its lower part, to
// which that is added.
enum class Part : std::uint8_t { none, whole, upper, lower };

struct Reference {
  Part part = Part::none;
  std::uint32_t field = 0;  // the bits that say where
  unsigned in = 0;          // the register: below 32
};

// What an instruction does with a literal: a word of data between code that says how far something is from where an instruction adds it to
// the program counter.
struct LiteralUse {
  enum class Kind : std::uint8_t { none, loaded, added } kind = Kind::none;
  unsigned in = 0;          // the register: below 16
  std::uint32_t place = 0;  // of the literal; or what it is added to
};

inline constexpr std::uint32_t kNoRest = UINT32_MAX;

// One way to read code. A word is four bytes; one that is shorter has zeros above.
struct Instructions {
  std::uint32_t unit;                                                  // bytes that instructions are multiples of: 2 or 4
  std::uint32_t marked;                                                // which byte of a unit tells most of what it does, and
  bool (*marks)(std::uint32_t byte);                                   // whether it often is this one
  std::uint32_t (*bytes)(std::uint32_t unit);                          // of the instruction that begins with it: 2 or 4
  Reference (*reference)(std::uint32_t word);                          // of one of four bytes
  std::uint32_t (*from)(std::uint32_t word, std::uint32_t place);      // where it counts from that stands there: a whole or an upper
  std::uint32_t (*distance)(std::uint32_t word);                       // what its field says, in bytes
  std::uint32_t (*field)(std::uint32_t word, std::uint32_t distance);  // the reverse; bits that are not the field's may be any
  std::uint32_t rest;                                              // an upper's lower part where it is not seen; kNoRest: it is no operand
  bool once;                                                       // a register serves one lower
  LiteralUse (*literal)(std::uint32_t word, std::uint32_t place);  // null: there are none
};

constexpr std::uint32_t sign_extended(std::uint32_t value, unsigned bits) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(value << (32 - bits)) >> (32 - bits));
}

namespace arm64 {

// b and bl; adrp; add of 12 bits, or a load or store with as many.
constexpr bool is_branch(std::uint32_t word) { return (word & 0x7C000000U) == 0x14000000U; }
constexpr bool is_page(std::uint32_t word) { return (word & 0x9F000000U) == 0x90000000U; }
constexpr bool is_add(std::uint32_t word) { return (word & 0xFFC00000U) == 0x91000000U; }
constexpr bool is_low(std::uint32_t word) { return is_add(word) || (word & 0x3B000000U) == 0x39000000U; }

constexpr std::uint32_t bytes(std::uint32_t /*unit*/) { return 4; }
// bl, adrp, add, and loads and moves of 64 bits.
constexpr bool marks(std::uint32_t byte) {
  return (byte & 0xFC) == 0x94 || (byte & 0x9F) == 0x90 || byte == 0x91 || byte == 0xF9 || byte == 0xAA;
}
constexpr Reference reference(std::uint32_t word) {
  if (is_branch(word)) return {Part::whole, 0x03FFFFFFU, 0};
  if (is_page(word)) return {Part::upper, 0x60FFFFE0U, word & 31};
  if (is_low(word)) return {Part::lower, 0x003FFC00U, word >> 5 & 31};
  return {};
}
constexpr std::uint32_t from(std::uint32_t word, std::uint32_t place) { return is_page(word) ? place & ~4095U : place; }
// What a load's or store's 12 bits count in is its size: 1, 2, 4, 8, or 16 bytes.
constexpr unsigned scale_of(std::uint32_t word) {
  if (is_add(word)) return 0;
  return (word & 0xC4800000U) == 0x04800000U ? 4 : word >> 30;
}
constexpr std::uint32_t distance(std::uint32_t word) {
  if (is_branch(word)) return sign_extended(word << 2, 28);
  if (is_page(word)) return word >> 5 << 14 | (word >> 29 & 3) << 12;
  return (word >> 10 & 4095) << scale_of(word);
}
constexpr std::uint32_t field(std::uint32_t word, std::uint32_t distance) {
  if (is_branch(word)) return distance >> 2;
  if (is_page(word)) return (distance >> 12 & 3) << 29 | sign_extended(distance >> 14, 18) << 5;  // below 0, bits 29 and 30 come out as 1
  return (distance & 4095) >> scale_of(word) << 10;
}

inline constexpr Instructions kInstructions{4, 3, marks, bytes, reference, from, distance, field, 2048, false, nullptr};

}  // namespace arm64

// 32-bit ARM with instructions of one or two halfwords (Thumb-2). A word has the first in its lower half.
namespace thumb {

// bl; blx, to code of a32; b.w; b<condition>.w; movw and movt.
constexpr bool is_call(std::uint32_t word) { return (word & 0xD000F800U) == 0xD000F000U; }
constexpr bool is_exchange(std::uint32_t word) { return (word & 0xD001F800U) == 0xC000F000U; }
constexpr bool is_jump(std::uint32_t word) { return (word & 0xD000F800U) == 0x9000F000U; }
constexpr bool is_conditional(std::uint32_t word) { return (word & 0xD000F800U) == 0x8000F000U && (word & 0x0380U) != 0x0380U; }
constexpr bool is_low_half(std::uint32_t word) { return (word & 0x8000FBF0U) == 0x0000F240U; }
constexpr bool is_high_half(std::uint32_t word) { return (word & 0x8000FBF0U) == 0x0000F2C0U; }

constexpr std::uint32_t bytes(std::uint32_t unit) { return unit >> 11 >= 0x1D ? 4 : 2; }
// bl and blx, moves, loads, adds, movs of 0, conditional jumps.
constexpr bool marks(std::uint32_t byte) {
  return byte == 0xF0 || byte == 0xF7 || byte >= 0xFD || byte == 0x46 || byte == 0x68 || byte == 0x44 || byte == 0x20 ||
         (byte & 0xFE) == 0xD0;
}
constexpr Reference reference(std::uint32_t word) {
  if (is_call(word) || is_jump(word)) return {Part::whole, 0x2FFF07FFU, 0};
  if (is_exchange(word)) return {Part::whole, 0x2FFE07FFU, 0};
  if (is_conditional(word)) return {Part::whole, 0x2FFF043FU, 0};
  if (is_low_half(word)) return {Part::upper, 0x70FF040FU, word >> 24 & 15};
  if (is_high_half(word)) return {Part::lower, 0x70FF040FU, word >> 24 & 15};
  return {};
}
constexpr std::uint32_t from(std::uint32_t word, std::uint32_t place) {
  if (is_low_half(word)) return 0;
  return is_exchange(word) ? (place + 4) & ~3U : place + 4;
}
constexpr std::uint32_t half_of(std::uint32_t word) {
  return (word & 15) << 12 | (word >> 10 & 1) << 11 | (word >> 28 & 7) << 8 | (word >> 16 & 255);
}
constexpr std::uint32_t distance(std::uint32_t word) {
  if (is_low_half(word)) return half_of(word);
  if (is_high_half(word)) return half_of(word) << 16;
  const std::uint32_t sign = word >> 10 & 1;
  const std::uint32_t first = word >> 29 & 1;
  const std::uint32_t second = word >> 27 & 1;
  const std::uint32_t low = (word >> 16 & 2047) << 1;
  if (is_conditional(word)) return sign_extended(sign << 20 | second << 19 | first << 18 | (word & 63) << 12 | low, 21);
  return sign_extended(sign << 24 | (first ^ sign ^ 1) << 23 | (second ^ sign ^ 1) << 22 | (word & 1023) << 12 | low, 25);
}
constexpr std::uint32_t field(std::uint32_t word, std::uint32_t distance) {
  if (is_low_half(word) || is_high_half(word)) {
    const std::uint32_t half = is_low_half(word) ? distance & 0xFFFF : distance >> 16;
    return half >> 12 | (half >> 11 & 1) << 10 | (half >> 8 & 7) << 28 | (half & 255) << 16;
  }
  const std::uint32_t low = (distance >> 1 & 2047) << 16;
  if (is_conditional(word))
    return (distance >> 20 & 1) << 10 | (distance >> 19 & 1) << 27 | (distance >> 18 & 1) << 29 | (distance >> 12 & 63) | low;
  const std::uint32_t sign = distance >> 24 & 1;
  return sign << 10 | ((distance >> 23 & 1) ^ sign ^ 1) << 29 | ((distance >> 22 & 1) ^ sign ^ 1) << 27 | (distance >> 12 & 1023) | low;
}
// ldr from the program counter on, short or long; add of the program counter.
constexpr LiteralUse literal(std::uint32_t word, std::uint32_t place) {
  const std::uint32_t aligned = (place + 4) & ~3U;
  if ((word & 0xFFFFF800U) == 0x4800U) return {LiteralUse::Kind::loaded, word >> 8 & 7, aligned + (word & 255) * 4};
  if ((word & 0xFFFFU) == 0xF8DFU) return {LiteralUse::Kind::loaded, word >> 28, aligned + (word >> 16 & 4095)};
  if ((word & 0xFFFFFF78U) == 0x4478U) return {LiteralUse::Kind::added, (word & 7) | (word >> 4 & 8), place + 4};
  return {};
}

inline constexpr Instructions kInstructions{2, 1, marks, bytes, reference, from, distance, field, kNoRest, true, literal};

}  // namespace thumb

// 32-bit ARM with instructions of a word.
namespace a32 {

// b, bl and blx; movw and movt.
constexpr bool is_branch(std::uint32_t word) { return (word & 0x0E000000U) == 0x0A000000U; }
constexpr bool is_low_half(std::uint32_t word) { return (word & 0x0FF00000U) == 0x03000000U; }
constexpr bool is_high_half(std::uint32_t word) { return (word & 0x0FF00000U) == 0x03400000U; }

constexpr std::uint32_t bytes(std::uint32_t /*unit*/) { return 4; }
// Whatever is under no condition.
constexpr bool marks(std::uint32_t byte) { return (byte & 0xF0) == 0xE0; }
constexpr Reference reference(std::uint32_t word) {
  if (is_branch(word)) return {Part::whole, 0x00FFFFFFU, 0};
  if (is_low_half(word)) return {Part::upper, 0x000F0FFFU, word >> 12 & 15};
  if (is_high_half(word)) return {Part::lower, 0x000F0FFFU, word >> 12 & 15};
  return {};
}
constexpr std::uint32_t from(std::uint32_t word, std::uint32_t place) { return is_low_half(word) ? 0 : place + 8; }
constexpr std::uint32_t distance(std::uint32_t word) {
  if (is_branch(word)) return sign_extended(word << 2, 26);
  const std::uint32_t half = (word >> 4 & 0xF000) | (word & 0xFFF);
  return is_low_half(word) ? half : half << 16;
}
constexpr std::uint32_t field(std::uint32_t word, std::uint32_t distance) {
  if (is_branch(word)) return distance >> 2;
  const std::uint32_t half = is_low_half(word) ? distance & 0xFFFF : distance >> 16;
  return (half & 0xF000) << 4 | (half & 0xFFF);
}
// ldr from the program counter on; add of it, or a load from what they add up to.
constexpr LiteralUse literal(std::uint32_t word, std::uint32_t place) {
  if ((word & 0x0FFF0000U) == 0x059F0000U) return {LiteralUse::Kind::loaded, word >> 12 & 15, place + 8 + (word & 4095)};
  if ((word & 0x0FFF0FF0U) == 0x008F0000U || (word & 0x0FFF0FF0U) == 0x079F0000U) return {LiteralUse::Kind::added, word & 15, place + 8};
  return {};
}

inline constexpr Instructions kInstructions{4, 3, marks, bytes, reference, from, distance, field, kNoRest, true, literal};

}  // namespace a32

// RISC-V: instructions of one or two halfwords.
namespace riscv {

// jal; auipc; addi, jalr, or a load.
constexpr bool is_jump(std::uint32_t word) { return (word & 0x7F) == 0x6F; }
constexpr bool is_upper(std::uint32_t word) { return (word & 0x7F) == 0x17; }
constexpr bool is_lower(std::uint32_t word) { return (word & 0x707F) == 0x13 || (word & 0x707F) == 0x67 || (word & 0x7B) == 0x03; }

constexpr std::uint32_t bytes(std::uint32_t unit) { return (unit & 3) == 3 ? 4 : 2; }
// auipc, jal, addi, conditional jumps.
constexpr bool marks(std::uint32_t byte) { return (byte & 0x7F) == 0x17 || byte == 0xEF || (byte & 0x7F) == 0x13 || byte == 0x63; }
constexpr Reference reference(std::uint32_t word) {
  if (is_jump(word)) return {Part::whole, 0xFFFFF000U, 0};
  if (is_upper(word)) return {Part::upper, 0xFFFFF000U, word >> 7 & 31};
  if (is_lower(word)) return {Part::lower, 0xFFF00000U, word >> 15 & 31};
  return {};
}
constexpr std::uint32_t from(std::uint32_t /*word*/, std::uint32_t place) { return place; }
constexpr std::uint32_t distance(std::uint32_t word) {
  if (is_upper(word)) return word & 0xFFFFF000U;
  if (is_jump(word))
    return sign_extended((word >> 31) << 20 | (word & 0x000FF000U) | (word >> 20 & 1) << 11 | (word >> 21 & 1023) << 1, 21);
  return sign_extended(word >> 20, 12);
}
constexpr std::uint32_t field(std::uint32_t word, std::uint32_t distance) {
  if (is_upper(word)) return distance + 2048;  // since the lower's 12 bits have a sign
  if (is_jump(word))
    return (distance >> 20 & 1) << 31 | (distance & 0x000FF000U) | (distance >> 11 & 1) << 20 | (distance >> 1 & 1023) << 21;
  return distance << 20;
}

inline constexpr Instructions kInstructions{2, 0, marks, bytes, reference, from, distance, field, 0, true, nullptr};

}  // namespace riscv

}  // namespace aloft::delta
