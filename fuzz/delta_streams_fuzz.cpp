// Compressed streams that an image holds somewhere: each lies in it, none over another, and unpacks to what was said of it; cut into
// pieces, it is all there.
#include <cstdlib>

#include "delta/make/cuts.hpp"
#include "delta/make/file_cuts.hpp"
#include "delta/make/streams.hpp"

extern "C" int delta_streams_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const ByteView image = std::as_bytes(std::span(data, size));
  std::uint64_t end = 0;
  delta::FileCutter files;
  for (const delta::Stream& stream : delta::find_streams(image)) {
    if (stream.offset < end || stream.packed_bytes == 0 || stream.offset_end() > image.size()) std::abort();
    end = stream.offset_end();
    const Bytes content = delta::content_of(image, stream);
    if (content.size() != stream.content_bytes) std::abort();
    const ByteView packed_bytes = image.subspan(stream.offset, stream.packed_bytes);
    const auto cut = delta::is_file(stream.compressor) ? files.cut(stream.compressor, packed_bytes, content)
                                                       : delta::cut_stream(stream.compressor, packed_bytes, content);
    std::uint64_t packed = 0;
    std::uint64_t unpacked = 0;
    for (const delta::Cut& piece : cut.cuts) {
      if (piece.packed_begin != packed || piece.content_begin != unpacked || piece.packed_end < packed || piece.content_end < unpacked)
        std::abort();
      packed = piece.packed_end;
      unpacked = piece.content_end;
    }
    if (!cut.cuts.empty() && (packed != stream.packed_bytes || unpacked != stream.content_bytes)) std::abort();
  }
  return 0;
}
