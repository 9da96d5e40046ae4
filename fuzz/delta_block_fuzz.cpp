#include <cstdlib>

#include "delta/frame_builder.hpp"
#include "delta/gzip_deflate.hpp"
#include "delta/view_source.hpp"

// Two frames of an image whose blocks and streams are taken apart, by every compressor; the old image holds one of each. The first two
// bytes say how the rest is cut into two records.
namespace {

using namespace aloft;

std::vector<delta::BlockCoding> codings() {
  std::vector<delta::BlockCoding> all = {{.compressor = delta::Compressor::zstd, .level = 1},
                                         {.compressor = delta::Compressor::xz, .level = 0, .window = 4096},
                                         {.compressor = delta::Compressor::zlib, .level = 1, .window = 9},
                                         {.compressor = delta::Compressor::lz4, .level = 1},
                                         {.compressor = delta::Compressor::gzip, .level = 6},
                                         {.compressor = delta::Compressor::lz4_stream, .level = 9},
                                         {.compressor = delta::Compressor::xz_file, .level = 0, .window = 4096, .variant = delta::kXzSizes},
                                         {.compressor = delta::Compressor::zstd_file, .level = 1, .variant = 1}};
  for (auto& coding : all) coding.version = delta::library_version(coding.compressor);
  return all;
}

Bytes old_image() {
  Bytes image(100, std::byte{'o'});
  delta::Coders coders(codings());
  for (std::uint64_t i = 0; i < codings().size(); ++i) {
    if (delta::is_stream(codings()[i].compressor)) continue;
    Bytes packed(1000);
    auto coder = coders.at(i);
    const auto size = (*coder)->encode(Bytes(500, std::byte{'x'}), packed);
    if (!size) std::abort();
    image.insert(image.end(), packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(*size));
  }
  Bytes deflated(1000);
  deflated.resize(delta::GzipDeflate(6).encode({.content = Bytes(500, std::byte{'x'}), .state = {}, .last = true}, deflated));
  image.insert(image.end(), deflated.begin(), deflated.end());
  return image;
}

void check(const Result<>& done) {
  if (!done && done.error().code.number / 100 != 110) std::abort();
}

}  // namespace

extern "C" int delta_block_fuzz(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static const Bytes old = old_image();
  delta::FrameBuilder builder(codings());
  delta::ViewSource source(old);
  const ByteView input = std::as_bytes(std::span(data, size));
  const std::size_t first = std::min<std::size_t>(data[0] | data[1] << 8, size - 2);
  Bytes content(4096);
  check(builder.build(input.subspan(2, first), 0, source, old.size(), content));
  check(builder.build(input.subspan(2 + first), content.size(), source, old.size(), content));
  check(builder.begin(input.subspan(2 + first), content.size(), content.size(), source, old.size()));
  return 0;
}
