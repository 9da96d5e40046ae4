#include "bundle/frame_encoder.hpp"

#include <zstd.h>

#include <bit>
#include <optional>

#include "base/zeros.hpp"
#include "bundle/block_packer.hpp"
#include "bundle/blocks.hpp"
#include "bundle/errors.hpp"

namespace aloft::bundle {
struct FrameEncoder::State {
  ~State() { ZSTD_freeCCtx(context); }
  Result<> pack(ByteView content, bool zero, Bytes& stored);
  Result<> pack_one(ByteView content, Bytes& stored);
  ZSTD_CCtx* context = ZSTD_createCCtx();
  Encoding encoding = Encoding::zstd;
  BlockNames blocks = BlockNames::omit;
  std::optional<BlockPacker> packer;  // of blocks
  std::uint32_t frame_size_bytes = 0;
  std::size_t zeros_bytes = 0;  // what `zeros` is of; 0: nothing yet
  PackedFrame zeros;
};

FrameEncoder::FrameEncoder(Encoding encoding, int level, std::uint32_t frame_size_bytes, BlockNames blocks)
    : state_(std::make_unique<State>()) {
  state_->encoding = encoding;
  state_->blocks = blocks;
  state_->frame_size_bytes = frame_size_bytes;
  if (blocks == BlockNames::include) state_->packer.emplace(level, frame_size_bytes);
  ZSTD_CCtx_setParameter(state_->context, ZSTD_c_compressionLevel, level);
  // A window as large as the frame makes every frame a single segment: its decoder needs no window beside the content.
  ZSTD_CCtx_setParameter(state_->context, ZSTD_c_windowLog, std::countr_zero(frame_size_bytes));
}
FrameEncoder::FrameEncoder(const Image& image, int level)
    : FrameEncoder(image.encoding, level, image.frame_size_bytes, image.blocks ? BlockNames::include : BlockNames::omit) {}
FrameEncoder::FrameEncoder(FrameEncoder&&) noexcept = default;
FrameEncoder::~FrameEncoder() = default;

Result<> FrameEncoder::State::pack_one(ByteView content, Bytes& stored) {
  const std::size_t start = stored.size();
  stored.resize(start + max_stored_bytes(static_cast<std::uint32_t>(content.size())));
  const auto place = std::span(stored).subspan(start);
  const std::size_t size = ZSTD_compress2(context, place.data(), place.size(), content.data(), content.size());
  if (ZSTD_isError(size) != 0) return fail(kCompression, std::string("cannot compress a frame: ") + ZSTD_getErrorName(size));
  stored.resize(start + size);
  return {};
}

Result<> FrameEncoder::State::pack(ByteView content, bool zero, Bytes& stored) {
  stored.clear();
  if (blocks == BlockNames::omit || (zero && content.size() == frame_size_bytes)) return pack_one(content, stored);
  return packer->pack(content, stored);
}

Result<> FrameEncoder::encode(ByteView content, PackedFrame& packed) {
  const bool zero = !content.empty() && is_zero(content);
  if (zero && state_->zeros_bytes == content.size()) {
    packed = state_->zeros;
    return {};
  }
  packed.content_sha256 = crypto::sha256(content);
  if (state_->encoding == Encoding::none) {
    packed.stored.assign(content.begin(), content.end());
    packed.stored_sha256 = packed.content_sha256;
  } else {
    TRY(state_->pack(content, zero, packed.stored));
    packed.stored_sha256 = crypto::sha256(packed.stored);
  }
  packed.block_entries.clear();
  if (state_->blocks == BlockNames::include)
    TRY(append_block_entries(state_->encoding, state_->frame_size_bytes, content, packed.stored, packed.block_entries));
  if (zero) {
    state_->zeros_bytes = content.size();
    state_->zeros = packed;
  }
  return {};
}

}  // namespace aloft::bundle
