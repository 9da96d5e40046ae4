// Differences coded by what is known where they stand: the old bytes there and the differences before. Text form: docs/delta-format.md.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::delta {

// Where a run of old bytes comes from and goes to: what code refers to moves by the distance. Only their low 32 bits count.
struct RunPlace {
  std::uint64_t old_place = 0;
  std::uint64_t new_place = 0;
};

// Whose code the image has: what operands are told by. x86 stands for any other, too.
enum class Processor : std::uint8_t { x86 = 0, arm64 = 1, arm32 = 2, riscv = 3 };
inline constexpr Processor kLastProcessor = Processor::riscv;

class DifferenceModel;

// Of one record, run by run. Memory: 0.6 MiB, for as long as it lives.
class DifferenceEncoder {
 public:
  explicit DifferenceEncoder(Processor processor = Processor::x86);
  ~DifferenceEncoder();
  void begin();
  // `from` and `to` are equally long.
  void add(ByteView from, ByteView to, RunPlace place);
  // What has come since begin(), coded.
  const Bytes& finish();

 private:
  std::unique_ptr<DifferenceModel> model_;
  Bytes coded_;
  std::uint32_t low_ = 0;
  std::uint32_t high_ = UINT32_MAX;
};

// The same runs give the same bytes on every machine: it has no floating point. Whatever `coded` holds, memory is as above, and the time
// that of the bytes that are made.
class DifferenceDecoder {
 public:
  explicit DifferenceDecoder(Processor processor = Processor::x86);
  ~DifferenceDecoder();
  // `coded` must stay until the last run is done.
  void begin(ByteView coded);
  // The run's old bytes become new ones.
  void apply(MutableByteView bytes, RunPlace place);
  // Whether all of `coded` has been used, and no more.
  bool is_used_up() const;

 private:
  std::unique_ptr<DifferenceModel> model_;
  ByteView coded_;
  std::uint64_t taken_ = 0;
  std::uint32_t low_ = 0;
  std::uint32_t high_ = UINT32_MAX;
  std::uint32_t value_ = 0;
};

}  // namespace aloft::delta
