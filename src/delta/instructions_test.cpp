#include "delta/instructions.hpp"

#include <gtest/gtest.h>

namespace aloft::delta {
namespace {

struct Example {
  const Instructions& set;
  std::uint32_t word;
  std::uint32_t place;
  Part part;
  unsigned in;
  std::uint32_t target;  // of a lower part: what it adds
};

// As disassemblers have them.
const std::vector<Example> kExamples = {
    {arm64::kInstructions, 0x97FFFFFE, 0x1000, Part::whole, 0, 0xFF8},           // bl
    {arm64::kInstructions, 0xB0000003, 0x12345678, Part::upper, 3, 0x12346000},  // adrp x3
    {arm64::kInstructions, 0xD0FFFFE3, 0x12345678, Part::upper, 3, 0x12343000},
    {arm64::kInstructions, 0xF9400860, 0, Part::lower, 3, 16},             // ldr x0, [x3, #16]
    {arm64::kInstructions, 0xD65F03C0, 0, Part::none, 0, 0},               // ret
    {thumb::kInstructions, 0xFFBFF7FF, 0x12E72, Part::whole, 0, 0x12DF4},  // bl
    {thumb::kInstructions, 0xFC71F02A, 0x19266, Part::whole, 0, 0x43B4C},
    {thumb::kInstructions, 0xEA5CF7FC, 0x14BEE, Part::whole, 0, 0x110A8},  // blx, from a halfword that is no word's first
    {thumb::kInstructions, 0xBDBCF7ED, 0x24D20, Part::whole, 0, 0x1289C},  // b.w
    {thumb::kInstructions, 0x808FF040, 0x139F8, Part::whole, 0, 0x13B1A},  // bne.w
    {thumb::kInstructions, 0xAF51F43F, 0x258A0, Part::whole, 0, 0x25746},  // beq.w
    {thumb::kInstructions, 0x70CCF64B, 0, Part::upper, 0, 49100},          // movw r0
    {thumb::kInstructions, 0x034CF2C0, 0, Part::lower, 3, 76U << 16},      // movt r3
    {thumb::kInstructions, 0x8F4FF3BF, 0, Part::none, 0, 0},               // dsb
    {a32::kInstructions, 0xEAFFFFD0, 0x12DB8, Part::whole, 0, 0x12D00},    // b
    {a32::kInstructions, 0xEBFFC9C5, 0x1EE84, Part::whole, 0, 0x115A0},    // bl
    {a32::kInstructions, 0xE30A1234, 0, Part::upper, 1, 0xA234},           // movw r1
    {a32::kInstructions, 0xE34A1234, 0, Part::lower, 1, 0xA2340000},       // movt r1
    {a32::kInstructions, 0xE12FFF1E, 0, Part::none, 0, 0},                 // bx lr
    {riscv::kInstructions, 0x001000EF, 0x1000, Part::whole, 0, 0x1800},    // jal
    {riscv::kInstructions, 0xFFDFF06F, 0x1000, Part::whole, 0, 0xFFC},     // j
    {riscv::kInstructions, 0xFFFFF517, 0x5008, Part::upper, 10, 0x4008},   // auipc a0
    {riscv::kInstructions, 0xFFC50513, 0, Part::lower, 10, 0xFFFFFFFC},    // addi a0, a0, -4
    {riscv::kInstructions, 0x008080E7, 0, Part::lower, 1, 8},              // jalr 8(ra)
    {riscv::kInstructions, 0x0107B783, 0, Part::lower, 15, 16},            // ld a5, 16(a5)
    {riscv::kInstructions, 0x00F50533, 0, Part::none, 0, 0},               // add a0, a0, a5
};

TEST(Instructions, SayWhatTheyReferTo) {
  for (const Example& one : kExamples) {
    const Reference reference = one.set.reference(one.word);
    ASSERT_EQ(reference.part, one.part) << std::hex << one.word;
    if (one.part == Part::none) continue;
    EXPECT_EQ(reference.in, one.in) << std::hex << one.word;
    const std::uint32_t from = one.part == Part::lower ? 0 : one.set.from(one.word, one.place);
    EXPECT_EQ(from + one.set.distance(one.word), one.target) << std::hex << one.word;
  }
}

TEST(Instructions, AreMadeToReferElsewhere) {
  struct {
    const Instructions& set;
    std::uint32_t word;
    std::vector<std::uint32_t> distances;
  } const examples[] = {
      {arm64::kInstructions, 0x97FFFFFE, {0, 4, 0x7FFFFFC, 0xF8000000}},
      {arm64::kInstructions, 0xB0000003, {0, 0x1000, 0x7FFFF000, 0xFFFFF000}},
      {arm64::kInstructions, 0xF9400860, {0, 8, 4088}},
      {thumb::kInstructions, 0xFFBFF7FF, {0, 2, 0x400000, 0x800000, 0xFFFFFE, 0xFF000000, 0xFF400000}},  // bl
      {thumb::kInstructions, 0xEA5CF7FC, {0, 4, 0xFFFFFC, 0xFF000000}},                                  // blx
      {thumb::kInstructions, 0xBDBCF7ED, {0, 2, 0xFFFFFE, 0xFF000000}},                                  // b.w
      {thumb::kInstructions, 0x808FF040, {0, 2, 0x40000, 0x80000, 0xFFFFE, 0xFFF00000}},                 // bne.w
      {thumb::kInstructions, 0x70CCF64B, {0, 1, 0x0800, 0x8765, 0xFFFF}},                                // movw
      {thumb::kInstructions, 0x034CF2C0, {0, 0x10000, 0x08000000, 0x87650000, 0xFFFF0000}},              // movt
      {a32::kInstructions, 0xEBFFC9C5, {0, 4, 0x1FFFFFC, 0xFE000000}},
      {a32::kInstructions, 0xE30A1234, {0, 1, 0x8765, 0xFFFF}},
      {a32::kInstructions, 0xE34A1234, {0, 0x10000, 0x87650000, 0xFFFF0000}},
      {riscv::kInstructions, 0x001000EF, {0, 2, 0x800, 0x12344, 0xFFFFE, 0xFFF00000}},
      {riscv::kInstructions, 0xFFFFF517, {0, 0x1000, 0x7FFFF000, 0x80000000}},
      {riscv::kInstructions, 0xFFC50513, {0, 1, 0x7FF, 0xFFFFF800}},
  };
  for (const auto& one : examples) {
    const std::uint32_t field = one.set.reference(one.word).field;
    for (const std::uint32_t distance : one.distances) {
      const std::uint32_t word = (one.word & ~field) | (one.set.field(one.word, distance) & field);
      EXPECT_EQ(one.set.distance(word), distance) << std::hex << one.word;
      EXPECT_EQ(one.set.reference(word).field, field) << std::hex << one.word;
    }
  }
}

// What an upper part cannot say its lower part adds, or takes away.
TEST(Instructions, UpperPartsOfRiscvAreRounded) {
  for (const std::uint32_t distance : {0x17FFU, 0x1800U, 0xFFFFF7FFU, 0xFFFFF800U}) {
    const std::uint32_t upper = riscv::field(0x517, distance) & 0xFFFFF000U;
    EXPECT_EQ(riscv::distance(upper | 0x517) + riscv::distance(riscv::field(0x50513, distance - upper) | 0x50513), distance);
  }
}

TEST(Instructions, LiteralsAreLoadedAndAdded) {
  struct {
    const Instructions& set;
    std::uint32_t word;
    std::uint32_t place;
    LiteralUse::Kind kind;
    unsigned in;
    std::uint32_t at;
  } const examples[] = {
      {thumb::kInstructions, 0x4CE2, 0x10EE2, LiteralUse::Kind::loaded, 4, 0x1126C},    // ldr r4, [pc, #904]
      {thumb::kInstructions, 0x8014F8DF, 0x1000, LiteralUse::Kind::loaded, 8, 0x1018},  // ldr.w r8, [pc, #20]
      {thumb::kInstructions, 0x447B, 0x12DFC, LiteralUse::Kind::added, 3, 0x12E00},     // add r3, pc
      {thumb::kInstructions, 0x44F8, 0x1000, LiteralUse::Kind::added, 8, 0x1004},       // add r8, pc
      {thumb::kInstructions, 0x4770, 0, LiteralUse::Kind::none, 0, 0},                  // bx lr
      {a32::kInstructions, 0xE59F3014, 0x12C98, LiteralUse::Kind::loaded, 3, 0x12CB4},  // ldr r3, [pc, #20]
      {a32::kInstructions, 0xE08F3003, 0x12CA0, LiteralUse::Kind::added, 3, 0x12CA8},   // add r3, pc, r3
      {a32::kInstructions, 0xE79F2003, 0x12CA0, LiteralUse::Kind::added, 3, 0x12CA8},   // ldr r2, [pc, r3]
      {a32::kInstructions, 0xE12FFF1E, 0, LiteralUse::Kind::none, 0, 0},
  };
  for (const auto& one : examples) {
    const LiteralUse use = one.set.literal(one.word, one.place);
    EXPECT_EQ(use.kind, one.kind) << std::hex << one.word;
    EXPECT_EQ(use.in, one.in) << std::hex << one.word;
    EXPECT_EQ(use.place, one.at) << std::hex << one.word;
  }
}

}  // namespace
}  // namespace aloft::delta
