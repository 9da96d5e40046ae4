#include "bundle/block_packer.hpp"

#define ZSTD_STATIC_LINKING_ONLY  // sequences
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <span>
#include <string>
#include <vector>

#include "bundle/errors.hpp"
#include "bundle/manifest.hpp"

namespace aloft::bundle {
namespace {

constexpr std::size_t kShortestMatch = 3;

void set_parameter(ZSTD_CCtx* context, ZSTD_cParameter parameter, int value) { ZSTD_CCtx_setParameter(context, parameter, value); }

// Hands out a frame's sequences block by block: matches that reach across the end of one are cut there.
class Cutter {
 public:
  explicit Cutter(std::span<const ZSTD_Sequence> sequences) : rest_(sequences) { next(); }
  // Of the next block of so many bytes, with what ends a block behind them.
  std::span<const ZSTD_Sequence> cut(std::size_t bytes) {
    block_.clear();
    unsigned literals = 0;
    for (std::size_t left = bytes; left > 0;) {
      if (current_.litLength == 0 && current_.matchLength == 0 && !next()) {  // the end of a frame too short to be parsed
        literals += static_cast<unsigned>(left);
        break;
      }
      literals += take(current_.litLength, left);
      const unsigned match = take(current_.matchLength, left);
      if (match < kShortestMatch) {
        literals += match;
      } else {
        block_.push_back({.offset = current_.offset, .litLength = literals, .matchLength = match, .rep = 0});
        literals = 0;
      }
    }
    block_.push_back({.offset = 0, .litLength = literals, .matchLength = 0, .rep = 0});
    return block_;
  }

 private:
  static unsigned take(unsigned& from, std::size_t& left) {
    const unsigned taken = std::min(from, static_cast<unsigned>(left));
    from -= taken;
    left -= taken;
    return taken;
  }
  bool next() {
    do {
      if (rest_.empty()) return false;
      current_ = rest_.front();
      rest_ = rest_.subspan(1);
    } while (current_.litLength == 0 && current_.matchLength == 0);
    return true;
  }
  std::span<const ZSTD_Sequence> rest_;
  ZSTD_Sequence current_{};
  std::vector<ZSTD_Sequence> block_;
};

}  // namespace

struct BlockPacker::State {
  ~State() {
    ZSTD_freeCCtx(parser);
    ZSTD_freeCCtx(coder);
    ZSTD_freeDCtx(decoder);
  }
  bool proven(ByteView before, ByteView block, ByteView packed);
  ZSTD_CCtx* parser = ZSTD_createCCtx();
  ZSTD_CCtx* coder = ZSTD_createCCtx();
  ZSTD_DCtx* decoder = ZSTD_createDCtx();
  std::vector<ZSTD_Sequence> sequences;
  Bytes unpacked;
};

BlockPacker::BlockPacker(int level, std::uint32_t frame_size_bytes) : state_(std::make_unique<State>()) {
  const int window_log = std::countr_zero(frame_size_bytes);
  set_parameter(state_->parser, ZSTD_c_compressionLevel, level);
  set_parameter(state_->parser, ZSTD_c_windowLog, window_log);
  set_parameter(state_->parser, ZSTD_c_useBlockSplitter, ZSTD_ps_disable);  // it would keep the sequences to itself
  set_parameter(state_->coder, ZSTD_c_compressionLevel, level);
  set_parameter(state_->coder, ZSTD_c_windowLog, window_log);
  set_parameter(state_->coder, ZSTD_c_hashLog, ZSTD_HASHLOG_MIN);  // it searches nothing
  set_parameter(state_->coder, ZSTD_c_chainLog, ZSTD_CHAINLOG_MIN);
  set_parameter(state_->coder, ZSTD_c_blockDelimiters, ZSTD_sf_explicitBlockDelimiters);
  state_->sequences.resize(ZSTD_sequenceBound(frame_size_bytes));
}
BlockPacker::BlockPacker(BlockPacker&&) noexcept = default;
BlockPacker::~BlockPacker() = default;

bool BlockPacker::State::proven(ByteView before, ByteView block, ByteView packed) {
  unpacked.resize(block.size());
  ZSTD_DCtx_refPrefix(decoder, before.data(), before.size());
  const std::size_t size = ZSTD_decompressDCtx(decoder, unpacked.data(), unpacked.size(), packed.data(), packed.size());
  return size == block.size() && std::ranges::equal(unpacked, block);
}

Result<> BlockPacker::pack(ByteView content, Bytes& stored) {
  State& state = *state_;
  const std::size_t count =
      ZSTD_generateSequences(state.parser, state.sequences.data(), state.sequences.size(), content.data(), content.size());
  if (ZSTD_isError(count) != 0) return fail(kCompression, std::string("cannot parse a frame: ") + ZSTD_getErrorName(count));
  Cutter cutter(std::span(state.sequences).first(count));
  for (std::size_t at = 0; at < content.size(); at += kBlockBytes) {
    const ByteView block = content.subspan(at, std::min<std::size_t>(kBlockBytes, content.size() - at));
    const auto sequences = cutter.cut(block.size());
    const std::size_t start = stored.size();
    stored.resize(start + max_stored_bytes(static_cast<std::uint32_t>(block.size())));
    const auto place = std::span(stored).subspan(start);
    const std::size_t size =
        ZSTD_compressSequences(state.coder, place.data(), place.size(), sequences.data(), sequences.size(), block.data(), block.size());
    if (ZSTD_isError(size) != 0) return fail(kCompression, std::string("cannot compress a block: ") + ZSTD_getErrorName(size));
    if (!state.proven(content.first(at), block, place.first(size)))
      return fail(kCompression, std::string("zstd ") + ZSTD_versionString() +
                                    " packs a block wrongly; leave out --blocks, or take another version of libzstd");
    stored.resize(start + size);
  }
  return {};
}

}  // namespace aloft::bundle
