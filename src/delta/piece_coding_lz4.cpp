#include <lz4.h>
#include <lz4hc.h>

#include <algorithm>

#include "delta/block_coding.hpp"
#include "delta/errors.hpp"
#include "delta/piece_coding.hpp"

namespace aloft::delta::detail {
namespace {

const char* data_of(ByteView bytes) { return reinterpret_cast<const char*>(bytes.data()); }

// LZ4_compress_HC looks back 64 KiB and no further, so from a sequence on at which it had nothing pending, it makes the same of the same
// bytes.
class Lz4Pieces final : public PieceCoder {
 public:
  explicit Lz4Pieces(int level) : level_(level), stream_(LZ4_createStreamHC()) {}
  Lz4Pieces(const Lz4Pieces&) = delete;
  Lz4Pieces& operator=(const Lz4Pieces&) = delete;
  ~Lz4Pieces() override { LZ4_freeStreamHC(stream_); }

  Result<> encode(const Piece& piece, MutableByteView packed) override {
    if (stream_ == nullptr) return comes_out_short();
    const ByteView wanted = piece.content.subspan(piece.history);
    room_.resize(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(wanted.size()))));
    LZ4_resetStreamHC_fast(stream_, level_);
    LZ4_loadDictHC(stream_, data_of(piece.content), static_cast<int>(piece.history));
    const int size = LZ4_compress_HC_continue(stream_, data_of(wanted), reinterpret_cast<char*>(room_.data()),
                                              static_cast<int>(wanted.size()), static_cast<int>(room_.size()));
    if (size <= 0 || static_cast<std::size_t>(size) < packed.size()) return comes_out_short();
    std::copy_n(room_.begin(), packed.size(), packed.begin());
    return {};
  }

 private:
  const int level_;
  LZ4_streamHC_t* stream_;
  Bytes room_;
};

}  // namespace

std::unique_ptr<PieceCoder> make_lz4_pieces(const BlockCoding& coding) {
  return std::make_unique<Lz4Pieces>(static_cast<int>(coding.level));
}

}  // namespace aloft::delta::detail
