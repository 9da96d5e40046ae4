#include "bundle/content.hpp"

#include "bundle/blocks.hpp"
#include "bundle/errors.hpp"

namespace aloft::bundle {
namespace {

// The digests that an image's manifest entry names for it as a whole, computed along the way.
class ImageCheck {
 public:
  explicit ImageCheck(const Image& image) : image_(image) {}

  Result<> update(ByteView content, ByteView stored) {
    whole_.update(content);
    if (!image_.blocks) return {};
    entries_.clear();
    TRY(append_block_entries(image_.encoding, image_.frame_size_bytes, content, stored, entries_));
    blocks_.update(entries_);
    return {};
  }

  Result<> finish() {
    if (whole_.finish() != image_.sha256)
      return fail(kImageDigest, "image " + image_.name + " as a whole is not what the manifest names; make the bundle again");
    if (image_.blocks && blocks_.finish() != *image_.blocks)
      return fail(kBlocksDigest, "the section of blocks of image " + image_.name + " is not of its content; make the bundle again");
    return {};
  }

 private:
  const Image& image_;
  crypto::Sha256 whole_;
  crypto::Sha256 blocks_;
  Bytes entries_;
};

std::uint64_t total_of(const Manifest& manifest) {
  std::uint64_t total = 0;
  for (const auto& image : manifest.images) total += image.size_bytes;
  return total;
}

}  // namespace

Result<> read_contents(Reader& reader, const ContentSink& sink, const ContentProgress& progress) {
  const Manifest& manifest = reader.manifest();
  const std::uint64_t total = total_of(manifest);
  std::uint64_t done = 0;
  FrameDecoder decoder;
  Bytes stored;
  Bytes content;
  for (std::size_t i = 0; i < manifest.images.size(); ++i) {
    const Image& image = manifest.images[i];
    ImageCheck check(image);
    for (std::uint64_t frame = 0; frame < image.frame_count(); ++frame) {
      content.resize(image.frame_content_bytes(frame));
      TRY(reader.fetch_frame(i, frame, stored));
      TRY(decoder.decode(image, frame, stored, content));
      TRY(check.update(content, stored));
      if (sink) TRY(sink(i, frame * image.frame_size_bytes, content));
      done += content.size();
      if (progress) progress(done, total);
    }
    TRY(check.finish());
  }
  for (std::size_t i = 0; i < manifest.images.size(); ++i) TRY(reader.fetch_blocks(i, stored));
  return reader.check_end();
}

}  // namespace aloft::bundle
