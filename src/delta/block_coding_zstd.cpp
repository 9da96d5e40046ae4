#include <zstd.h>

#include <algorithm>

#include "delta/block_coding.hpp"

namespace aloft::delta::detail {
namespace {

// As squashfs-tools does it: one call with a level and nothing else, a frame of its own for each block.
class Zstd final : public BlockCoder {
 public:
  explicit Zstd(int level) : level_(level) {}
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;
  ~Zstd() override {
    ZSTD_freeCCtx(encoder_);
    ZSTD_freeDCtx(decoder_);
  }

  Result<std::size_t> encode(ByteView content, MutableByteView packed) override {
    if (encoder_ == nullptr) encoder_ = ZSTD_createCCtx();
    room_.resize(ZSTD_compressBound(content.size()));  // less room could make it choose otherwise
    const std::size_t size = ZSTD_compressCCtx(encoder_, room_.data(), room_.size(), content.data(), content.size(), level_);
    if (ZSTD_isError(size) != 0 || size > packed.size()) return does_not_fit();
    std::copy_n(room_.begin(), size, packed.begin());
    return size;
  }

  Result<std::size_t> decode(ByteView packed, MutableByteView content) override {
    if (decoder_ == nullptr) decoder_ = ZSTD_createDCtx();
    const std::size_t size = ZSTD_decompressDCtx(decoder_, content.data(), content.size(), packed.data(), packed.size());
    if (ZSTD_isError(size) != 0) return does_not_unpack();
    return size;
  }

 private:
  const int level_;
  ZSTD_CCtx* encoder_ = nullptr;
  ZSTD_DCtx* decoder_ = nullptr;
  Bytes room_;
};

}  // namespace

std::unique_ptr<BlockCoder> make_zstd(const BlockCoding& coding) { return std::make_unique<Zstd>(static_cast<int>(coding.level)); }

}  // namespace aloft::delta::detail
