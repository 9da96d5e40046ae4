#include "delta/block_coding.hpp"
#include "delta/errors.hpp"
#include "delta/piece_coding.hpp"

namespace aloft::delta::detail {
namespace {

class GzipPieces final : public PieceCoder {
 public:
  explicit GzipPieces(unsigned level) : deflate_(level) {}

  Result<> encode(const Piece& piece, MutableByteView packed) override {
    if (deflate_.encode({piece.content, piece.history, piece.state, piece.last}, packed) < packed.size()) return comes_out_short();
    return {};
  }

 private:
  GzipDeflate deflate_;
};

}  // namespace

std::unexpected<Error> comes_out_short() {
  return fail(kBadRecord, "a piece of a stream that a record of the delta makes comes out smaller than it says");
}

std::unique_ptr<PieceCoder> make_gzip_pieces(const BlockCoding& coding) {
  return std::make_unique<GzipPieces>(static_cast<unsigned>(coding.level));
}

}  // namespace aloft::delta::detail
