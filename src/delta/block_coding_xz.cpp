#include <lzma.h>

#include <algorithm>
#include <array>

#include "delta/block_coding.hpp"
#include "delta/xz_stream.hpp"

namespace aloft::delta::detail {
namespace {

// As squashfs-tools does it: an .xz stream for each block, with CRC32, one of the presets, and maybe a BCJ filter.
class Xz final : public BlockCoder {
 public:
  explicit Xz(const BlockCoding& coding) : coding_(coding) {}

  Result<std::size_t> encode(ByteView content, MutableByteView packed) override {
    lzma_options_lzma options{};
    if (lzma_lzma_preset(&options, static_cast<std::uint32_t>(coding_.level)) != 0) return does_not_fit();
    options.dict_size = static_cast<std::uint32_t>(coding_.window);
    std::array<lzma_filter, 3> filters{};
    std::size_t count = 0;
    if (coding_.variant != 0) filters[count++] = {.id = coding_.variant, .options = nullptr};
    filters[count++] = {.id = LZMA_FILTER_LZMA2, .options = &options};
    filters[count] = {.id = LZMA_VLI_UNKNOWN, .options = nullptr};
    room_.resize(lzma_stream_buffer_bound(content.size()));
    std::size_t size = 0;
    const lzma_ret done = lzma_stream_buffer_encode(filters.data(), LZMA_CHECK_CRC32, nullptr, octets_of(content), content.size(),
                                                    octets_of(MutableByteView(room_)), &size, room_.size());
    if (done != LZMA_OK || size > packed.size()) return does_not_fit();
    std::copy_n(room_.begin(), size, packed.begin());
    return size;
  }

  Result<std::size_t> decode(ByteView packed, MutableByteView content) override {
    const auto size = unpack_xz(packed, content);
    if (!size || size->packed != packed.size()) return does_not_unpack();
    return size->content;
  }

 private:
  const BlockCoding coding_;
  Bytes room_;
};

}  // namespace

std::unique_ptr<BlockCoder> make_xz(const BlockCoding& coding) { return std::make_unique<Xz>(coding); }

}  // namespace aloft::delta::detail
