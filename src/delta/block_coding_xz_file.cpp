#include <lzma.h>

#include <algorithm>
#include <array>
#include <optional>

#include "delta/block_coding.hpp"
#include "delta/xz_stream.hpp"

namespace aloft::delta::detail {
namespace {

constexpr std::uint64_t kRoomForSize = 1ULL << 21;  // as a block of xz's threads may have it: four bytes

// As xz packs a file: an .xz stream of one block.
class XzFile final : public BlockCoder {
 public:
  explicit XzFile(const BlockCoding& coding)
      : coding_(coding), check_((coding.variant & kXzCrc64) != 0 ? LZMA_CHECK_CRC64 : LZMA_CHECK_CRC32) {}

  Result<std::size_t> encode(ByteView content, MutableByteView packed) override {
    out_ = packed;
    size_ = 0;
    lzma_stream_flags flags{};
    flags.check = check_;
    if (!put(LZMA_STREAM_HEADER_SIZE, [&](std::uint8_t* at) { return lzma_stream_header_encode(&flags, at); })) return does_not_fit();
    const auto unpadded = block(content);
    if (!unpadded || !index(*unpadded, content.size(), flags)) return does_not_fit();
    if (!put(LZMA_STREAM_HEADER_SIZE, [&](std::uint8_t* at) { return lzma_stream_footer_encode(&flags, at); })) return does_not_fit();
    return size_;
  }

  Result<std::size_t> decode(ByteView packed, MutableByteView content) override {
    const auto size = unpack_xz(packed, content);
    if (!size || size->packed != packed.size()) return does_not_unpack();
    return size->content;
  }

 private:
  // So many bytes that `write` puts there.
  template <class Write>
  bool put(std::size_t bytes, const Write& write) {
    if (bytes > out_.size() - size_ || write(octets_of(out_.subspan(size_))) != LZMA_OK) return false;
    size_ += bytes;
    return true;
  }

  // Header, content, padding and check; how many bytes they are without the padding.
  std::optional<std::uint64_t> block(ByteView content) {
    lzma_options_lzma options{};
    if (lzma_lzma_preset(&options, static_cast<std::uint32_t>(coding_.level)) != 0) return std::nullopt;
    options.dict_size = static_cast<std::uint32_t>(coding_.window);
    std::array<lzma_filter, 2> filters{{{.id = LZMA_FILTER_LZMA2, .options = &options}, {.id = LZMA_VLI_UNKNOWN, .options = nullptr}}};
    const bool sizes = (coding_.variant & kXzSizes) != 0;
    lzma_block block{};
    block.check = check_;
    block.filters = filters.data();
    block.compressed_size = sizes ? kRoomForSize : LZMA_VLI_UNKNOWN;
    block.uncompressed_size = block.compressed_size;
    if (lzma_block_header_size(&block) != LZMA_OK || block.header_size > out_.size() - size_) return std::nullopt;
    const std::size_t header = size_;
    const std::size_t begin = header + block.header_size;
    std::size_t end = begin;
    if (lzma_raw_buffer_encode(filters.data(), nullptr, octets_of(content), content.size(), octets_of(out_), &end, out_.size()) != LZMA_OK)
      return std::nullopt;
    if (sizes) {
      block.compressed_size = end - begin;
      block.uncompressed_size = content.size();
    }
    if (lzma_block_header_encode(&block, octets_of(out_.subspan(header))) != LZMA_OK) return std::nullopt;
    size_ = end;
    for (; (size_ - header) % 4 != 0 && size_ < out_.size(); ++size_) out_[size_] = std::byte{0};
    const std::size_t check_bytes = lzma_check_size(check_);
    if (check_bytes > out_.size() - size_) return std::nullopt;
    const std::uint64_t check =
        check_ == LZMA_CHECK_CRC64 ? lzma_crc64(octets_of(content), content.size(), 0) : lzma_crc32(octets_of(content), content.size(), 0);
    for (std::size_t i = 0; i < check_bytes; ++i) out_[size_++] = static_cast<std::byte>(check >> (8 * i) & 255);
    return end - header + check_bytes;
  }

  // What lists the one block.
  bool index(std::uint64_t unpadded_bytes, std::uint64_t content_bytes, lzma_stream_flags& flags) {
    const std::unique_ptr<lzma_index, void (*)(lzma_index*)> index(lzma_index_init(nullptr),
                                                                   [](lzma_index* one) { lzma_index_end(one, nullptr); });
    if (!index || lzma_index_append(index.get(), nullptr, unpadded_bytes, content_bytes) != LZMA_OK) return false;
    flags.backward_size = lzma_index_size(index.get());
    return lzma_index_buffer_encode(index.get(), octets_of(out_), &size_, out_.size()) == LZMA_OK;
  }

  const BlockCoding coding_;
  const lzma_check check_;
  MutableByteView out_;
  std::size_t size_ = 0;  // of what is there
};

}  // namespace

std::unique_ptr<BlockCoder> make_xz_file(const BlockCoding& coding) { return std::make_unique<XzFile>(coding); }

}  // namespace aloft::delta::detail
