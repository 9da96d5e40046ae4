#include <zlib.h>

#include "delta/block_coding.hpp"

namespace aloft::delta::detail {
namespace {

constexpr int kMemoryLevel = 8;

Bytef* zlib_bytes_of(ByteView bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}  // zlib's own want of const

// As squashfs-tools does it: a zlib stream for each block.
class Zlib final : public BlockCoder {
 public:
  explicit Zlib(const BlockCoding& coding) : coding_(coding) {}
  Zlib(const Zlib&) = delete;
  Zlib& operator=(const Zlib&) = delete;
  ~Zlib() override {
    if (encodes_) deflateEnd(&encoder_);
    if (decodes_) inflateEnd(&decoder_);
  }

  Result<std::size_t> encode(ByteView content, MutableByteView packed) override {
    if (!encodes_)
      encodes_ = deflateInit2(&encoder_, static_cast<int>(coding_.level), Z_DEFLATED, static_cast<int>(coding_.window), kMemoryLevel,
                              static_cast<int>(coding_.variant)) == Z_OK;
    if (!encodes_ || deflateReset(&encoder_) != Z_OK) return does_not_fit();
    point(encoder_, content, packed);
    if (deflate(&encoder_, Z_FINISH) != Z_STREAM_END) return does_not_fit();
    return static_cast<std::size_t>(encoder_.total_out);
  }

  Result<std::size_t> decode(ByteView packed, MutableByteView content) override {
    if (!decodes_) decodes_ = inflateInit(&decoder_) == Z_OK;
    if (!decodes_ || inflateReset(&decoder_) != Z_OK) return does_not_unpack();
    point(decoder_, packed, content);
    if (inflate(&decoder_, Z_FINISH) != Z_STREAM_END || decoder_.avail_in != 0) return does_not_unpack();
    return static_cast<std::size_t>(decoder_.total_out);
  }

 private:
  static void point(z_stream& stream, ByteView in, MutableByteView out) {
    stream.next_in = zlib_bytes_of(in);
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = zlib_bytes_of(out);
    stream.avail_out = static_cast<uInt>(out.size());
  }
  const BlockCoding coding_;
  z_stream encoder_{};
  z_stream decoder_{};
  bool encodes_ = false;
  bool decodes_ = false;
};

}  // namespace

std::unique_ptr<BlockCoder> make_zlib(const BlockCoding& coding) { return std::make_unique<Zlib>(coding); }

}  // namespace aloft::delta::detail
