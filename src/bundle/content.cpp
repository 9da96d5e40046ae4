#include "bundle/content.hpp"

#include "bundle/errors.hpp"

namespace aloft::bundle {
namespace {

// The digests that an image's manifest entry names for it as a whole, computed along the way.
class ImageCheck {
 public:
  explicit ImageCheck(const Image& image) : image_(image) {}

  void update(ByteView content) {
    whole_.update(content);
    if (!image_.blocks) return;
    for (std::size_t at = 0; at < content.size(); at += kBlockBytes)  // frames begin at block boundaries
      blocks_.update(crypto::sha256(content.subspan(at, std::min<std::size_t>(kBlockBytes, content.size() - at))));
  }

  Result<> finish() {
    if (whole_.finish() != image_.sha256)
      return fail(kImageDigest, "image " + image_.name + " as a whole is not what the manifest names; make the bundle again");
    if (image_.blocks && blocks_.finish() != *image_.blocks)
      return fail(kBlocksDigest, "the block digests of image " + image_.name + " are not those of its content; make the bundle again");
    return {};
  }

 private:
  const Image& image_;
  crypto::Sha256 whole_;
  crypto::Sha256 blocks_;
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
      check.update(content);
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
