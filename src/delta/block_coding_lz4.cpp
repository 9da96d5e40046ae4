#include <lz4.h>
#include <lz4hc.h>

#include <algorithm>

#include "delta/block_coding.hpp"

namespace aloft::delta::detail {
namespace {

char* chars_of(MutableByteView bytes) { return reinterpret_cast<char*>(bytes.data()); }
const char* chars_of(ByteView bytes) { return reinterpret_cast<const char*>(bytes.data()); }
int size_of(ByteView bytes) { return static_cast<int>(bytes.size()); }

// As squashfs-tools does it: one LZ4 block without frame for each block. What erofs-utils has made, which is only unpacked here, stands at
// the end of its size, behind zeros; no LZ4 block begins with one.
class Lz4 final : public BlockCoder {
 public:
  explicit Lz4(const BlockCoding& coding)
      : level_(static_cast<int>(coding.level)), behind_zeros_(coding.compressor == Compressor::lz4_fixed) {}

  Result<std::size_t> encode(ByteView content, MutableByteView packed) override {
    room_.resize(static_cast<std::size_t>(LZ4_compressBound(size_of(content))));
    const int room = size_of(room_);
    if (level_ != 0 && state_.empty()) state_.resize(static_cast<std::size_t>(LZ4_sizeofStateHC()));
    const int size = level_ == 0 ? LZ4_compress_default(chars_of(content), chars_of(MutableByteView(room_)), size_of(content), room)
                                 : LZ4_compress_HC_extStateHC(state_.data(), chars_of(content), chars_of(MutableByteView(room_)),
                                                              size_of(content), room, level_);
    if (size <= 0 || static_cast<std::size_t>(size) > packed.size()) return does_not_fit();
    std::copy_n(room_.begin(), size, packed.begin());
    return static_cast<std::size_t>(size);
  }

  Result<std::size_t> decode(ByteView packed, MutableByteView content) override {
    if (behind_zeros_) packed = packed.subspan(zeros_before(packed));
    const int size = LZ4_decompress_safe(chars_of(packed), chars_of(content), size_of(packed), size_of(content));
    if (size < 0) return does_not_unpack();
    return static_cast<std::size_t>(size);
  }

 private:
  static std::size_t zeros_before(ByteView bytes) {
    return static_cast<std::size_t>(std::ranges::find_if(bytes, [](std::byte b) { return b != std::byte{0}; }) - bytes.begin());
  }
  const int level_;
  const bool behind_zeros_;
  Bytes state_;
  Bytes room_;
};

}  // namespace

std::unique_ptr<BlockCoder> make_lz4(const BlockCoding& coding) { return std::make_unique<Lz4>(coding); }

}  // namespace aloft::delta::detail
