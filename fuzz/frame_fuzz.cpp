#include <cstdlib>

#include "bundle/reader.hpp"

// The corpus holds zstd frames of 300 bytes of content; whatever comes, the decoder writes those 300 bytes at most.
extern "C" int frame_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  constexpr std::size_t kContentBytes = 300;
  static bundle::FrameDecoder decoder;
  const bundle::Image image{.name = "fuzz", .size_bytes = kContentBytes, .frames = {bundle::Digest{}}};
  Bytes content(kContentBytes);
  if (decoder.decode(image, 0, std::as_bytes(std::span(data, size)), content)) std::abort();  // no content has a digest of zeros
  return 0;
}
