#include <zstd.h>

#include <algorithm>

#include "bundle/blocks.hpp"
#include "bundle/errors.hpp"
#include "bundle/reader.hpp"
#include "crypto/sha256_each.hpp"

namespace aloft::bundle {
namespace {

constexpr std::uint32_t kZstdMagic = 0xfd2fb528;
constexpr std::size_t kDescriptorAt = 4;
constexpr unsigned kSingleSegment = 0x20;
constexpr unsigned kReservedOrDictionary = 0x0b;  // RFC 8878 section 3.1.1.1.1: reserved bit 3, dictionary id bits 0-1

// One zstd frame, single segment (so that the window is the content and its size is declared), no dictionary, of exactly this content size.
bool is_plain_frame(ByteView stored, std::size_t content_bytes) {
  if (stored.size() <= kDescriptorAt || load_le32(stored) != kZstdMagic) return false;
  const auto descriptor = std::to_integer<unsigned>(stored[kDescriptorAt]);
  if ((descriptor & kSingleSegment) == 0 || (descriptor & kReservedOrDictionary) != 0) return false;
  return ZSTD_getFrameContentSize(stored.data(), stored.size()) == content_bytes &&
         ZSTD_findFrameCompressedSize(stored.data(), stored.size()) == stored.size();
}

// Which the first of its zstd frames tells. A frame of zeros is not.
bool is_by_blocks(const Image& image, ByteView stored, std::size_t content_bytes) {
  return image.blocks && content_bytes > kBlockBytes && ZSTD_getFrameContentSize(stored.data(), stored.size()) == kBlockBytes;
}

std::string name_of(const Image& image, std::uint64_t frame) { return "frame " + std::to_string(frame) + " of image " + image.name; }

Result<> check(const Image& image, std::uint64_t frame, const Digest& digest) {
  if (digest != image.frames[frame])
    return fail(kFrameDigest, name_of(image, frame) + " decodes to something other than the manifest names; make the bundle again");
  return {};
}

}  // namespace

struct FrameDecoder::State {
  ~State() { ZSTD_freeDCtx(context); }
  Result<> unpack(const std::string& name, ByteView prefix, ByteView stored, MutableByteView content);
  Result<> unpack_blocks(const std::string& name, ByteView stored, MutableByteView content);
  ZSTD_DCtx* context = ZSTD_createDCtx();
};

Result<> FrameDecoder::State::unpack(const std::string& name, ByteView prefix, ByteView stored, MutableByteView content) {
  if (!is_plain_frame(stored, content.size()))
    return fail(kBadFrame,
                name + " is not a single-segment zstd frame of " + std::to_string(content.size()) + " bytes; make the bundle again");
  ZSTD_DCtx_refPrefix(context, prefix.data(), prefix.size());  // for this one only
  const std::size_t count = ZSTD_decompressDCtx(context, content.data(), content.size(), stored.data(), stored.size());
  if (ZSTD_isError(count) != 0 || count != content.size())
    return fail(kBadFrame,
                name + " cannot be decoded" + (ZSTD_isError(count) != 0 ? std::string(": ") + ZSTD_getErrorName(count) : std::string()));
  return {};
}

Result<> FrameDecoder::State::unpack_blocks(const std::string& name, ByteView stored, MutableByteView content) {
  for (std::size_t at = 0; at < content.size(); at += kBlockBytes) {
    const std::size_t size = ZSTD_findFrameCompressedSize(stored.data(), stored.size());
    if (size > stored.size()) return fail(kBadFrame, name + " has a block that is no zstd frame; make the bundle again");  // as errors are
    TRY(unpack(name, ByteView(content).first(at), stored.first(size),
               content.subspan(at, std::min<std::size_t>(kBlockBytes, content.size() - at))));
    stored = stored.subspan(size);
  }
  return stored.empty() ? Result<>() : fail(kBadFrame, "something follows the blocks of " + name + "; make the bundle again");
}

FrameDecoder::FrameDecoder() : state_(std::make_unique<State>()) {}
FrameDecoder::FrameDecoder(FrameDecoder&&) noexcept = default;
FrameDecoder::~FrameDecoder() = default;

Result<> FrameDecoder::decode(const Image& image, std::uint64_t frame, ByteView stored, MutableByteView content) {
  TRY(unpack(image, frame, stored, content));
  return check(image, frame, crypto::sha256(content));
}

Result<> FrameDecoder::decode(const Image& image, std::uint64_t first, std::span<const Bytes> stored, MutableByteView content) {
  std::vector<ByteView> contents;
  std::size_t at = 0;
  for (const Bytes& one : stored) {
    const std::uint64_t frame = first + contents.size();
    if (frame >= image.frames.size() || content.size() - at < image.frame_content_bytes(frame))
      return fail(kBadFrame, name_of(image, frame) + " has another size");
    const MutableByteView own = content.subspan(at, image.frame_content_bytes(frame));
    TRY(unpack(image, frame, one, own));
    contents.emplace_back(own);
    at += own.size();
  }
  std::vector<Digest> digests(contents.size());
  crypto::sha256_each(contents, digests);
  for (std::size_t i = 0; i < digests.size(); ++i) TRY(check(image, first + i, digests[i]));
  return {};
}

Result<> FrameDecoder::unpack(const Image& image, std::uint64_t frame, ByteView stored, MutableByteView content) {
  if (frame >= image.frames.size() || content.size() != image.frame_content_bytes(frame))
    return fail(kBadFrame, name_of(image, frame) + " has another size");
  if (image.encoding == Encoding::none) {
    if (stored.size() != content.size()) return fail(kBadFrame, name_of(image, frame) + " has another size");
    std::ranges::copy(stored, content.begin());
  } else {
    const std::string name = name_of(image, frame);
    TRY(is_by_blocks(image, stored, content.size()) ? state_->unpack_blocks(name, stored, content)
                                                    : state_->unpack(name, {}, stored, content));
  }
  return {};
}

}  // namespace aloft::bundle
