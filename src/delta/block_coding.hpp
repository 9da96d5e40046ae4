// Blocks that a file system has compressed: taken apart, and put together again bit for bit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::delta {

inline constexpr std::uint64_t kMaxBlockBytes = 1ULL << 20;  // of a block's content, and as it is packed
inline constexpr std::uint64_t kMaxFileBytes = 3ULL << 20;   // the same of a file that is packed as a whole
inline constexpr std::size_t kMaxCodings = 8;                // of an image

// xz_file and zstd_file are of whole files, as their programs pack them. gzip and lz4_stream are of streams; these and lz4_fixed, whose
// blocks are a size that as much content as fits is packed to, are made in pieces: see piece_coding.hpp.
enum class Compressor : std::uint8_t {
  zstd = 1,
  xz = 2,
  zlib = 3,
  lz4 = 4,
  gzip = 5,
  lz4_stream = 6,
  lz4_fixed = 7,
  xz_file = 8,
  zstd_file = 9
};
inline bool is_file(Compressor compressor) { return compressor == Compressor::xz_file || compressor == Compressor::zstd_file; }
inline std::uint64_t max_block_bytes(Compressor compressor) { return is_file(compressor) ? kMaxFileBytes : kMaxBlockBytes; }
inline bool is_stream(Compressor compressor) { return compressor == Compressor::gzip || compressor == Compressor::lz4_stream; }
inline bool is_in_pieces(Compressor compressor) { return is_stream(compressor) || compressor == Compressor::lz4_fixed; }

// All that decides what a compressor makes of a block.
struct BlockCoding {
  Compressor compressor = Compressor::zstd;
  std::uint64_t version = 0;  // of its library, as library_version says; 0: blocks of the old image, which are only taken apart
  // zstd 1 to 22; xz preset 0 to 9; zlib 1 to 9; lz4 and lz4_fixed 0 for fast, 1 to 12 for HC; gzip 4 to 9; lz4_stream 1 to 12
  std::uint64_t level = 0;
  std::uint64_t window = 0;  // xz: bytes of dictionary, 4096 to 2^20, xz_file to 2^21; zlib: 8 to 15, the base-2 logarithm
  // xz: the .xz format's number of a BCJ filter before LZMA2, 0 for none; zlib: its strategy, 0 to 4; lz4_fixed, level 0: 1 when the
  // content goes on for 64 KiB and more; xz_file: kXzSizes, kXzCrc64 or both; zstd_file: 1 with a checksum
  std::uint64_t variant = 0;
  bool operator==(const BlockCoding&) const = default;
};

inline constexpr std::uint64_t kXzSizes = 1;  // the block's header says its sizes, with room for larger ones: by several threads
inline constexpr std::uint64_t kXzCrc64 = 2;  // else CRC32

// The version of the library that is in this program: zstd 10504 for 1.5.4, xz 50040012 for 5.4.1, zlib 4816 (0x12d0) for 1.2.13, lz4
// 10904 for 1.9.4; gzip, which is our own, 1. Only the same version is known to make the same bytes.
std::uint64_t library_version(Compressor compressor);
const char* name_of(Compressor compressor);
// "1.5.4", as people know it.
std::string version_text(const BlockCoding& coding);
// Whether all fields are within the limits above.
bool is_valid(const BlockCoding& coding);
// The most that a block by one of them may have, as content and as it is packed; 0: there are none.
std::uint64_t most_block_bytes(const std::vector<BlockCoding>& codings);
// Whether this program makes such blocks again. Errors: kEncoderVersion.
Result<> check_library(const BlockCoding& coding);

// One per thread. Memory: a context of the compressor, which grows with the largest block.
class BlockCoder {
 public:
  virtual ~BlockCoder() = default;
  // How many bytes of `packed` the block takes. Errors: kBadRecord when it does not fit.
  virtual Result<std::size_t> encode(ByteView content, MutableByteView packed) = 0;
  // How many bytes the block, which must be all of `packed`, has as content; at most content.size(). Errors: kWrongSource.
  virtual Result<std::size_t> decode(ByteView packed, MutableByteView content) = 0;
};

class PieceCoder;

// The coders of an image, each made when it is needed. One per thread. Memory: three coders stay, the largest (xz_file with 2 MiB of
// dictionary) with 24 MiB, and one of pieces.
class Coders {
 public:
  static constexpr std::size_t kAlive = 3;
  // All must be valid.
  explicit Coders(std::vector<BlockCoding> codings);
  Coders(const Coders&) = delete;
  Coders& operator=(const Coders&) = delete;
  ~Coders();
  // To be used at once: a later call may do away with it. Errors: kBadRecord for a number that there is not, or that is of streams, or of
  // the new image and made in pieces.
  Result<BlockCoder*> at(std::uint64_t number);
  // The same for pieces. Errors: kBadRecord for a number that there is not, or that is of blocks or of the old image.
  Result<PieceCoder*> piece_at(std::uint64_t number);
  // Errors: kBadRecord for a number that there is not.
  Result<BlockCoding> coding(std::uint64_t number) const;
  // The most that a block may have; 0 where there are no codings.
  std::uint64_t most_block_bytes() const { return delta::most_block_bytes(codings_); }

 private:
  std::vector<BlockCoding> codings_;
  std::vector<std::unique_ptr<BlockCoder>> coders_;
  std::vector<std::size_t> alive_;  // the last made at the end
  std::unique_ptr<PieceCoder> piece_coder_;
  std::uint64_t piece_number_ = 0;  // of its coding
};

namespace detail {
std::unique_ptr<BlockCoder> make_zstd(const BlockCoding& coding);
std::unique_ptr<BlockCoder> make_xz(const BlockCoding& coding);
std::unique_ptr<BlockCoder> make_xz_file(const BlockCoding& coding);
std::unique_ptr<BlockCoder> make_zlib(const BlockCoding& coding);
std::unique_ptr<BlockCoder> make_lz4(const BlockCoding& coding);
std::unique_ptr<PieceCoder> make_gzip_pieces(const BlockCoding& coding);
std::unique_ptr<PieceCoder> make_lz4_pieces(const BlockCoding& coding);
std::unique_ptr<PieceCoder> make_lz4_fixed(const BlockCoding& coding);
std::unexpected<Error> does_not_fit();
std::unexpected<Error> does_not_unpack();
std::unexpected<Error> comes_out_short();
}  // namespace detail

}  // namespace aloft::delta
