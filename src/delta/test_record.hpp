// For tests: records of frames that are as small as they may be.
#pragma once

#include "delta/record.hpp"

namespace aloft::delta::test {

inline constexpr std::uint64_t kFrameBytes = 1ULL << kMinFrameShift;

// The record of a body that is not packed, of a frame that begins within a block of the frame `back` before it.
inline Bytes plain(ByteView body, std::uint64_t back = 0) {
  Bytes record(1, first_byte(Coding::plain, back));
  record.insert(record.end(), body.begin(), body.end());
  return record;
}

}  // namespace aloft::delta::test
