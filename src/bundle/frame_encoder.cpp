#include "bundle/frame_encoder.hpp"

#include <zstd.h>

#include <bit>
#include <cstring>

#include "bundle/errors.hpp"

namespace aloft::bundle {
namespace {

bool is_zero(ByteView bytes) {
  return !bytes.empty() && bytes.front() == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

void append_block_digests(ByteView content, Bytes& out) {
  out.clear();
  for (std::size_t at = 0; at < content.size(); at += kBlockBytes) {
    const Digest digest = crypto::sha256(content.subspan(at, std::min<std::size_t>(kBlockBytes, content.size() - at)));
    out.insert(out.end(), digest.begin(), digest.end());
  }
}

}  // namespace

struct FrameEncoder::State {
  ~State() { ZSTD_freeCCtx(context); }
  ZSTD_CCtx* context = ZSTD_createCCtx();
  Encoding encoding = Encoding::zstd;
  BlockDigests blocks = BlockDigests::omit;
  std::size_t zeros_bytes = 0;  // what `zeros` is of; 0: nothing yet
  PackedFrame zeros;
};

FrameEncoder::FrameEncoder(Encoding encoding, int level, std::uint32_t frame_size_bytes, BlockDigests blocks)
    : state_(std::make_unique<State>()) {
  state_->encoding = encoding;
  state_->blocks = blocks;
  ZSTD_CCtx_setParameter(state_->context, ZSTD_c_compressionLevel, level);
  // A window as large as the frame makes every frame a single segment: its decoder needs no window beside the content.
  ZSTD_CCtx_setParameter(state_->context, ZSTD_c_windowLog, std::countr_zero(frame_size_bytes));
}
FrameEncoder::FrameEncoder(FrameEncoder&&) noexcept = default;
FrameEncoder::~FrameEncoder() = default;

Result<> FrameEncoder::encode(ByteView content, PackedFrame& packed) {
  const bool zero = is_zero(content);
  if (zero && state_->zeros_bytes == content.size()) {
    packed = state_->zeros;
    return {};
  }
  packed.content_sha256 = crypto::sha256(content);
  if (state_->blocks == BlockDigests::include) append_block_digests(content, packed.block_digests);
  if (state_->encoding == Encoding::none) {
    packed.stored.assign(content.begin(), content.end());
    packed.stored_sha256 = packed.content_sha256;
  } else {
    packed.stored.resize(max_stored_bytes(static_cast<std::uint32_t>(content.size())));
    const std::size_t size = ZSTD_compress2(state_->context, packed.stored.data(), packed.stored.size(), content.data(), content.size());
    if (ZSTD_isError(size) != 0) return fail(kCompression, std::string("cannot compress a frame: ") + ZSTD_getErrorName(size));
    packed.stored.resize(size);
    packed.stored_sha256 = crypto::sha256(packed.stored);
  }
  if (zero) {
    state_->zeros_bytes = content.size();
    state_->zeros = packed;
  }
  return {};
}

}  // namespace aloft::bundle
