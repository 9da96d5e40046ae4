#include <zlib.h>

#include "delta/errors.hpp"
#include "delta/old_stream.hpp"

namespace aloft::delta {
namespace {

// Raw deflate. zlib's state has its own window.
class Inflate final : public StreamDecoder {
 public:
  Inflate() : ready_(inflateInit2(&stream_, -MAX_WBITS) == Z_OK) {}
  Inflate(const Inflate& other) {
    ready_ = other.ready_ && inflateCopy(&stream_, const_cast<z_stream*>(&other.stream_)) == Z_OK;  // zlib's own want of const
  }
  Inflate& operator=(const Inflate&) = delete;
  ~Inflate() override {
    if (ready_) inflateEnd(&stream_);
  }
  bool is_ready() const { return ready_; }

  Result<> decode(PackedInput& in, std::span<std::byte, kStreamWindowBytes> /*ring*/, MutableByteView out) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    bool starved = false;  // it may still have bytes to give without more
    while (stream_.avail_out > 0) {
      ByteView packed;
      if (starved) packed = TRY(in.look());
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
      stream_.avail_in = static_cast<uInt>(packed.size());
      const uInt wanted = stream_.avail_out;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      in.take(packed.size() - stream_.avail_in);
      if (status != Z_OK && status != Z_BUF_ERROR && !(status == Z_STREAM_END && stream_.avail_out == 0)) return detail::does_not_unpack();
      starved = stream_.avail_out == wanted || !packed.empty();
    }
    return {};
  }

  std::unique_ptr<StreamDecoder> fork() const override {
    auto copy = std::make_unique<Inflate>(*this);
    if (!copy->is_ready()) return nullptr;
    return copy;
  }
  std::size_t history_bytes() const override { return 0; }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> make_deflate_decoder() {
  auto decoder = std::make_unique<Inflate>();
  if (!decoder->is_ready()) return nullptr;
  return decoder;
}

}  // namespace aloft::delta
