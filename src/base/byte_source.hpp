// Bytes that lie somewhere: a file, a pipe, a web server.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft {

struct ByteRun {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // behind the last byte
};

// Bytes by offset.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the buffer, or as much as there is before the end: fewer bytes than asked for mean the end. Blocks. Network sources resume by
  // themselves after broken connections and give up with a kind `retry` error.
  virtual Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) = 0;
  // True: any offset costs the same, and several threads may read at once (a local file). False: for one thread at a time, which does
  // well to read at rising offsets (a network), or can do nothing else (a pipe, which skips what lies between).
  virtual bool any_order() const = 0;
  // The reads to come stay below `end` until they are told anew: a network source asks for no byte beyond it. A hint.
  virtual void expect(std::uint64_t /*end*/) {}
  // Of a file that has these bytes at the same offsets, and lives as long as this; -1 where there is none.
  virtual int descriptor() const { return -1; }
  // The reads to come lie, at rising offsets, in these runs, which rise and do not overlap, until they are told anew: a network source may
  // ask for several at once. None: nothing is known of the reads to come. A hint.
  virtual void plan(std::vector<ByteRun> /*runs*/) {}
};
inline constexpr std::uint64_t kNoEnd = UINT64_MAX;

}  // namespace aloft
