#include <array>
#include <cstdlib>

#include "delta/frame_builder.hpp"
#include "delta/view_source.hpp"

// A frame of 4096 bytes from an old image of 300 that is code of each processor; whatever comes, nothing is read or written outside the two
// (the sanitizers watch).
extern "C" int delta_record_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  static std::array<delta::FrameBuilder, 4> builders = {delta::FrameBuilder(), delta::FrameBuilder({}, delta::Processor::arm64),
                                                        delta::FrameBuilder({}, delta::Processor::arm32),
                                                        delta::FrameBuilder({}, delta::Processor::riscv)};
  constexpr std::array<std::uint32_t, 15> kCode = {0x1234B8E8, 0x97FFFFFE, 0xB0000003, 0xF9400860,  // x86: call; arm64: bl, adrp, ldr
                                                   0xFFBFF7FF, 0x447B4B00, 0x00000010, 0x034BF24B,
                                                   0x034CF2C0,  // Thumb: bl, ldr and add of the program counter, movw, movt
                                                   0xE59F3004, 0xE08F3003, 0xEBFFC9C5,   // a32: ldr, add, bl
                                                   0x001000EF, 0x00000517, 0xFFC50513};  // RISC-V: jal, auipc, addi
  Bytes old(300);
  for (std::size_t i = 0; i < old.size(); i += 4) store_le32(std::span(old).subspan(i), kCode[i / 4 % kCode.size()]);
  delta::ViewSource source(old);
  Bytes content(4096);
  for (delta::FrameBuilder& builder : builders) {
    const auto built = builder.build(std::as_bytes(std::span(data, size)), 8192, source, old.size(), content);
    if (!built && (built.error().code.number < 11000 || built.error().code.number > 11099)) std::abort();
  }
  return 0;
}
