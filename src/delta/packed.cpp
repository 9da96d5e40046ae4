#include "delta/packed.hpp"

#include <zstd.h>

#include <algorithm>
#include <bit>

#include "delta/errors.hpp"

namespace aloft::delta {
namespace {

constexpr std::uint32_t kZstdMagic = 0xfd2fb528;
constexpr std::size_t kDescriptorAt = 4;
constexpr unsigned kSingleSegment = 0x20;
constexpr unsigned kReservedOrDictionary = 0x0b;  // RFC 8878 section 3.1.1.1.1
constexpr int kMinWindowLog = 10;
constexpr int kMaxWindowLog = 27;

bool is_plain(ByteView packed) {
  if (packed.size() <= kDescriptorAt || load_le32(packed) != kZstdMagic) return false;
  const auto descriptor = std::to_integer<unsigned>(packed[kDescriptorAt]);
  return (descriptor & kSingleSegment) != 0 && (descriptor & kReservedOrDictionary) == 0 &&
         ZSTD_findFrameCompressedSize(packed.data(), packed.size()) == packed.size();
}

}  // namespace

struct Unpacker::State {
  ~State() { ZSTD_freeDCtx(context); }
  ZSTD_DCtx* context = ZSTD_createDCtx();
};

Unpacker::Unpacker() : state_(std::make_unique<State>()) {}
Unpacker::Unpacker(Unpacker&&) noexcept = default;
Unpacker::~Unpacker() = default;

Result<> Unpacker::unpack(ByteView packed, std::uint64_t limit_bytes, Bytes& content) {
  if (!is_plain(packed)) return fail(kBadDelta, "a part of the delta is not a single zstd frame; make the delta again");
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size > limit_bytes)  // as the two values are that stand for "unknown" and "error"
    return fail(kBadDelta, "a part of the delta would unpack to more than the " + std::to_string(limit_bytes) + " bytes that it may have");
  content.resize(static_cast<std::size_t>(size));
  const std::size_t count = ZSTD_decompressDCtx(state_->context, content.data(), content.size(), packed.data(), packed.size());
  if (ZSTD_isError(count) != 0 || count != content.size()) return fail(kBadDelta, "a part of the delta cannot be unpacked");
  return {};
}

Result<> Unpacker::unpack_behind(ByteView prefix, ByteView packed, MutableByteView content) {
  if (!is_plain(packed)) return fail(kBadDelta, "what is packed is not a single zstd frame");
  ZSTD_DCtx_refPrefix(state_->context, prefix.data(), prefix.size());
  const std::size_t count = ZSTD_decompressDCtx(state_->context, content.data(), content.size(), packed.data(), packed.size());
  if (ZSTD_isError(count) != 0 || count != content.size()) return fail(kBadDelta, "what is packed cannot be unpacked");
  return {};
}

struct Packer::State {
  ~State() { ZSTD_freeCCtx(context); }
  ZSTD_CCtx* context = ZSTD_createCCtx();
};

Packer::Packer(int level) : state_(std::make_unique<State>()) { ZSTD_CCtx_setParameter(state_->context, ZSTD_c_compressionLevel, level); }
Packer::Packer(Packer&&) noexcept = default;
Packer::~Packer() = default;

Result<> Packer::pack(ByteView content, Bytes& packed) {
  // A window as large as the content makes a single segment.
  const int window = std::clamp(static_cast<int>(std::bit_width(content.size())), kMinWindowLog, kMaxWindowLog);
  ZSTD_CCtx_setParameter(state_->context, ZSTD_c_windowLog, window);
  packed.resize(ZSTD_compressBound(content.size()));
  const std::size_t size = ZSTD_compress2(state_->context, packed.data(), packed.size(), content.data(), content.size());
  if (ZSTD_isError(size) != 0) return fail(kNotProven, std::string("cannot compress a part of the delta: ") + ZSTD_getErrorName(size));
  packed.resize(size);
  return {};
}

}  // namespace aloft::delta
