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

// As much of the content as fits, as erofs-utils has the library do it. What is looked at behind that are the bytes that a match may reach
// into. The fast compressor has another table for contents below 64 KiB.
class Lz4Fixed final : public PieceCoder {
 public:
  explicit Lz4Fixed(const BlockCoding& coding) : level_(static_cast<int>(coding.level)), is_long_(coding.variant != 0) {}

  Result<> encode(const Piece& piece, MutableByteView packed) override {
    if (piece.history != 0) return fail(kBadRecord, "a record of the delta has a block of a size with a history, which none has");
    ByteView content = piece.content;
    if (is_long_ && content.size() < kLongBytes) {
      content_.assign(content.begin(), content.end());
      content_.resize(kLongBytes);
      content = content_;
    }
    int taken = static_cast<int>(content.size());
    const int size = pack(content, packed, taken);
    if (size <= 0 || static_cast<std::size_t>(taken) > piece.content.size()) return comes_out_short();
    std::copy_backward(packed.begin(), packed.begin() + size, packed.end());
    std::fill(packed.begin(), packed.end() - size, std::byte{0});
    return {};
  }

 private:
  static constexpr std::size_t kLongBytes = 65'548;  // the least of which lz4.c makes a table for large contents

  int pack(ByteView content, MutableByteView packed, int& taken) {
    char* const out = reinterpret_cast<char*>(packed.data());
    const int room = static_cast<int>(packed.size());
    if (level_ == 0) return LZ4_compress_destSize(data_of(content), out, &taken, room);
    state_.resize(static_cast<std::size_t>(LZ4_sizeofStateHC()));
    return LZ4_compress_HC_destSize(state_.data(), data_of(content), out, &taken, room, level_);
  }

  const int level_;
  const bool is_long_;
  Bytes content_;
  Bytes state_;
};

}  // namespace

std::unique_ptr<PieceCoder> make_lz4_fixed(const BlockCoding& coding) { return std::make_unique<Lz4Fixed>(coding); }

std::unique_ptr<PieceCoder> make_lz4_pieces(const BlockCoding& coding) {
  return std::make_unique<Lz4Pieces>(static_cast<int>(coding.level));
}

}  // namespace aloft::delta::detail
