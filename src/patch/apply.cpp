#include "patch/apply.hpp"

#include <algorithm>
#include <optional>

#include "base/fresh_file.hpp"
#include "bundle/blocks.hpp"
#include "bundle/container.hpp"
#include "bundle/errors.hpp"
#include "bundle/frame_encoder.hpp"
#include "bundle/manifest.hpp"
#include "bundle/reader.hpp"
#include "delta/errors.hpp"
#include "delta/image_file.hpp"
#include "delta/image_frames.hpp"
#include "patch/bundle_image.hpp"
#include "patch/stored_frames.hpp"

namespace aloft::patch {
namespace {

class BundleApply {
 public:
  BundleApply(bundle::Reader& from, delta::Patch& patch, const bundle::Manifest& manifest, FreshFile& out, const Progress& progress)
      : from_(from), patch_(patch), manifest_(manifest), out_(out), progress_(progress) {
    for (const auto& image : manifest.images) total_ += image.size_bytes;
  }

  Result<> run() {
    if (patch_.images().size() != manifest_.images.size()) return disagree();
    TRY(write_all(out_.fd(), bundle::encode_preamble(patch_.bundle()->manifest_text, patch_.bundle()->signature)));
    for (std::size_t i = 0; i < manifest_.images.size(); ++i) TRY(make_image(i));
    return write_all(out_.fd(), sections_);
  }

 private:
  static std::unexpected<Error> disagree() {
    return fail(delta::kBadDelta, "the delta's images are not those of its manifest; make the delta again");
  }

  Result<std::optional<std::size_t>> source_of(const delta::ImagePlan& plan) const {
    if (plan.source_bytes == 0) return std::optional<std::size_t>();
    const auto& olds = from_.manifest().images;
    const auto old = std::ranges::find(olds, plan.name, &bundle::Image::name);
    if (old == olds.end() || old->size_bytes != plan.source_bytes || old->sha256 != plan.source_sha256)
      return fail(delta::kWrongSource,
                  "the delta starts from another image " + plan.name + " than the old bundle's; give the bundle it was made from");
    return std::optional<std::size_t>(old - olds.begin());
  }

  Result<> make_image(std::size_t index) {
    const bundle::Image& image = manifest_.images[index];
    const delta::ImagePlan& plan = patch_.images()[index];
    if (plan.name != image.name || plan.target_bytes != image.size_bytes || plan.frame_bytes() != image.frame_size_bytes) return disagree();
    const auto source_index = TRY(source_of(plan));
    BundleImage source(from_, source_index.value_or(0));
    delta::ImageFrames frames(patch_, index);
    if (plan.encoder != 0) encoder_.emplace(image, static_cast<int>(plan.encoder_level));
    for (std::uint64_t frame = 0; frame < image.frame_count(); ++frame) {
      content_.resize(image.frame_content_bytes(frame));
      TRY(frames.make(frame, source, content_));
      if (crypto::sha256(content_) != image.frames[frame])
        return fail(delta::kWrongResult,
                    "frame " + std::to_string(frame) + " of image " + image.name + " is not what the manifest names; the delta is damaged");
      TRY(store(image, plan, frame, frames.record()));
      done_ += content_.size();
      if (progress_) progress_(done_, total_);
    }
    encoder_.reset();
    return {};
  }

  Result<> store(const bundle::Image& image, const delta::ImagePlan& plan, std::uint64_t frame, ByteView record) {
    ByteView stored;
    if (image.encoding == bundle::Encoding::none) {
      stored = content_;
    } else if (delta::coding_of(record.front()) == delta::Coding::stored) {
      stored = record.subspan(1);
    } else if (encoder_) {
      TRY(encoder_->encode(content_, packed_));
      stored = packed_.stored;
    }
    if (stored.size() == image.stored[frame].size_bytes && crypto::sha256(stored) == image.stored[frame].sha256) {
      if (image.blocks) TRY(bundle::append_block_entries(image.encoding, image.frame_size_bytes, content_, stored, sections_));
      return write_all(out_.fd(), stored);
    }
    const std::string needs =
        plan.encoder == 0 ? "its frames were made by a compressor that is not known"
                          : "it needs zstd " + std::to_string(plan.encoder) + " and this Aloft has " + std::to_string(encoder_version());
    return fail(delta::kOtherEncoder,
                "the new bundle cannot be put together again: " + needs + "; devices can install by the delta all the same");
  }

  bundle::Reader& from_;
  delta::Patch& patch_;
  const bundle::Manifest& manifest_;
  FreshFile& out_;
  const Progress& progress_;
  std::optional<bundle::FrameEncoder> encoder_;
  bundle::PackedFrame packed_;
  Bytes content_;
  Bytes sections_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

Result<> apply_to_bundle(const std::filesystem::path& old_file, delta::Patch& patch, const std::filesystem::path& output,
                         const Progress& progress) {
  const auto source = TRY(bundle::open_source(old_file.string()));
  auto reader = TRY(bundle::Reader::open_unverified(*source));
  const auto manifest = TRY(bundle::parse_manifest(patch.bundle()->manifest_text));
  FreshFile fresh = TRY(FreshFile::create(output));
  TRY(BundleApply(reader, patch, manifest, fresh, progress).run());
  return fresh.publish();
}

}  // namespace

Result<> apply_delta(const std::filesystem::path& old_file, delta::Patch& patch, const std::filesystem::path& output,
                     const Progress& progress) {
  if (patch.bundle()) return apply_to_bundle(old_file, patch, output, progress);
  const auto old = TRY(bundle::open_source(old_file.string()));
  return delta::apply_to_file(*old, old_file.string(), patch, output, progress);
}

}  // namespace aloft::patch
