// Whole files in an image, by xz and zstd: each a stream of one cut.
#pragma once

#include <map>

#include "delta/make/cuts.hpp"

namespace aloft::delta {

// Finds what packed a file. A level that has made none of the first few files again is given up, as one that takes long for each is not
// worth that. One per thread. Memory: a compressor, up to 24 MiB.
class FileCutter {
 public:
  // `packed` is the file, by xz_file or zstd_file, `content` what it unpacks to; without cuts: nothing here makes it again.
  StreamCuts cut(Compressor compressor, ByteView packed, ByteView content);

 private:
  struct Tries {
    unsigned missed = 0;
    unsigned hit = 0;
  };
  bool remakes(const BlockCoding& coding, ByteView packed, ByteView content);
  std::map<std::pair<Compressor, std::uint64_t>, Tries> tries_;  // by level
  std::map<Compressor, std::uint64_t> last_;                     // level that made one
  Bytes room_;
};

}  // namespace aloft::delta
