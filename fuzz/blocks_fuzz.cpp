#include <cstdlib>

#include "bundle/blocks.hpp"
#include "bundle/errors.hpp"
#include "bundle/reader.hpp"

namespace {

using namespace aloft;

// A frame of 16 blocks, one of zeros, and one of three blocks. The corpus holds a section of blocks of 10 bytes, and the last frame.
bundle::Image image() {
  bundle::Image made{.name = "fuzz", .size_bytes = 2 * bundle::kMinFrameBytes + 10'000, .frame_size_bytes = bundle::kMinFrameBytes};
  made.frames = {bundle::Digest{}, crypto::sha256(Bytes(bundle::kMinFrameBytes)), bundle::Digest{}};
  made.stored = {{160, {}}, {20, {}}, {30, {}}};
  made.blocks = bundle::Digest{};
  return made;
}

}  // namespace

// A section that is parsed fits the frames. A frame that is stored block by block never decodes to more than its content.
extern "C" int blocks_fuzz(const std::uint8_t* data, std::size_t size) {
  static const bundle::Image about = image();
  static bundle::FrameDecoder decoder;
  const ByteView bytes = std::as_bytes(std::span(data, size));
  if (const auto table = bundle::BlockTable::parse(about, bytes)) {
    for (std::uint64_t frame = 0; frame < about.frame_count(); ++frame) {
      std::uint64_t sum = 0;
      for (std::size_t block = 0; block < table->count(frame); ++block) sum += table->at(frame, block).stored_bytes;
      if (sum != (frame == 1 ? 0 : about.stored[frame].size_bytes)) std::abort();
    }
  }
  Bytes content(about.frame_content_bytes(2));
  const auto decoded = decoder.decode(about, 2, bytes, content);
  if (decoded) std::abort();  // no content has a digest of zeros
  Bytes section;
  if (bundle::append_block_entries(bundle::Encoding::zstd, about.frame_size_bytes, content, bytes, section) && section.size() != 3 * 8)
    std::abort();
  return 0;
}
