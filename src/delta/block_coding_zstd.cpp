#include <zstd.h>

#include <algorithm>

#include "delta/block_coding.hpp"

namespace aloft::delta::detail {
namespace {

constexpr std::uint64_t kMaxHighLevelBytes = 1ULL << 20;  // of content: for more, a level above kMaxFileLevel needs too much memory
constexpr std::uint64_t kMaxFileLevel = 9;

// As squashfs-tools does it: one call with a level and nothing else, a frame of its own for each block. Of files as zstd does it, which may
// add a checksum.
class Zstd final : public BlockCoder {
 public:
  explicit Zstd(const BlockCoding& coding) : coding_(coding) {}
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;
  ~Zstd() override {
    ZSTD_freeCCtx(encoder_);
    ZSTD_freeDCtx(decoder_);
  }

  Result<std::size_t> encode(ByteView content, MutableByteView packed) override {
    if (content.size() > kMaxHighLevelBytes && coding_.level > kMaxFileLevel) return does_not_fit();
    if (encoder_ == nullptr) encoder_ = ZSTD_createCCtx();
    room_.resize(ZSTD_compressBound(content.size()));  // less room could make it choose otherwise
    const std::size_t size = is_file(coding_.compressor) ? pack_file(content) : pack_block(content);
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
  std::size_t pack_block(ByteView content) {
    const int level = static_cast<int>(coding_.level);
    return ZSTD_compressCCtx(encoder_, room_.data(), room_.size(), content.data(), content.size(), level);
  }
  std::size_t pack_file(ByteView content) {
    ZSTD_CCtx_setParameter(encoder_, ZSTD_c_compressionLevel, static_cast<int>(coding_.level));
    ZSTD_CCtx_setParameter(encoder_, ZSTD_c_checksumFlag, static_cast<int>(coding_.variant));
    return ZSTD_compress2(encoder_, room_.data(), room_.size(), content.data(), content.size());
  }

  const BlockCoding coding_;
  ZSTD_CCtx* encoder_ = nullptr;
  ZSTD_DCtx* decoder_ = nullptr;
  Bytes room_;
};

}  // namespace

std::unique_ptr<BlockCoder> make_zstd(const BlockCoding& coding) { return std::make_unique<Zstd>(coding); }

}  // namespace aloft::delta::detail
