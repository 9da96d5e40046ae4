#include "delta/description.hpp"

#include <algorithm>

#include "delta/errors.hpp"
#include "delta/record.hpp"
#include "delta/varint.hpp"

namespace aloft::delta {
namespace {

constexpr std::uint64_t kMaxEncoder = 1'000'000;
constexpr std::uint64_t kMaxEncoderLevel = 22;

std::unexpected<Error> bad(const std::string& what) {
  return fail(kBadDelta, "the delta's description " + what + "; make the delta again");
}

bool is_name(std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= kMaxNameBytes && std::ranges::all_of(name, allowed);
}

void put_digest(Bytes& out, const Digest& digest) { out.insert(out.end(), digest.begin(), digest.end()); }

Result<Digest> take_digest(Input& in) {
  Digest digest{};
  std::ranges::copy(TRY(in.take(digest.size())), digest.begin());
  return digest;
}

Result<std::uint64_t> take_at_most(Input& in, std::uint64_t most, const char* what) {
  const std::uint64_t value = TRY(in.varint());
  if (value > most) return bad(std::string("has ") + what + " over its limit");
  return value;
}

Result<std::vector<BlockCoding>> take_codings(Input& in) {
  std::vector<BlockCoding> codings(static_cast<std::size_t>(TRY(take_at_most(in, kMaxCodings, "a number of compressors"))));
  for (BlockCoding& coding : codings) {
    const std::uint64_t compressor = TRY(in.varint());
    if (compressor < static_cast<std::uint64_t>(Compressor::zstd) || compressor > static_cast<std::uint64_t>(Compressor::zstd_file))
      return bad("names a compressor that this Aloft does not know; update it first");
    coding.compressor = static_cast<Compressor>(compressor);
    coding.version = TRY(in.varint());
    coding.level = TRY(in.varint());
    coding.window = TRY(in.varint());
    coding.variant = TRY(in.varint());
    if (!is_valid(coding)) return bad("has a compressor whose settings cannot be");
  }
  return codings;
}

void put_codings(Bytes& out, const std::vector<BlockCoding>& codings) {
  put_varint(out, codings.size());
  for (const BlockCoding& coding : codings) {
    put_varint(out, static_cast<std::uint64_t>(coding.compressor));
    put_varint(out, coding.version);
    put_varint(out, coding.level);
    put_varint(out, coding.window);
    put_varint(out, coding.variant);
  }
}

Result<ImagePlan> parse_image(Input& in, std::uint64_t frames_left) {
  ImagePlan image;
  image.name = as_text(TRY(in.take(TRY(take_at_most(in, kMaxNameBytes, "a name")))));
  if (!is_name(image.name)) return bad("has a name that is none");
  image.source_bytes = TRY(take_at_most(in, kMaxImageBytes, "a size"));
  image.source_sha256 = TRY(take_digest(in));
  image.target_bytes = TRY(take_at_most(in, kMaxImageBytes, "a size"));
  image.target_sha256 = TRY(take_digest(in));
  image.frame_shift = static_cast<unsigned>(TRY(take_at_most(in, kMaxFrameShift, "a frame size")));
  if (image.target_bytes == 0 || image.frame_shift < kMinFrameShift) return bad("has an image or frames that are too small");
  image.encoder = TRY(take_at_most(in, kMaxEncoder, "an encoder"));
  image.encoder_level = TRY(take_at_most(in, kMaxEncoderLevel, "an encoder's level"));
  image.codings = TRY(take_codings(in));
  const std::uint64_t frames = image.frame_count();
  if (frames > frames_left || frames > in.size()) return bad("has more frames than records, or than a delta may have");
  image.record_bytes.reserve(static_cast<std::size_t>(frames));
  for (std::uint64_t frame = 0; frame < frames; ++frame) {
    const std::uint64_t size = TRY(in.varint());
    if (size == 0 || size > max_record_bytes(image.content_bytes(frame))) return bad("has a record of a size that none can have");
    image.record_bytes.push_back(static_cast<std::uint32_t>(size));
  }
  return image;
}

// Of each image where its old one's files lie, if there is a tree among them or more follows.
void put_files(Bytes& out, const Plan& plan) {
  if (std::ranges::none_of(plan.images, &ImagePlan::is_of_tree) && std::ranges::none_of(plan.images, &ImagePlan::has_processor)) return;
  for (const ImagePlan& image : plan.images) {
    put_varint(out, image.files.text().size());
    out.insert(out.end(), image.files.text().begin(), image.files.text().end());
  }
}

// Of each image whose code it has, if one has another than x86's.
void put_processors(Bytes& out, const Plan& plan) {
  if (std::ranges::none_of(plan.images, &ImagePlan::has_processor)) return;
  for (const ImagePlan& image : plan.images) put_varint(out, static_cast<std::uint64_t>(image.processor));
}

Result<> take_processors(Input& in, Plan& plan) {
  for (ImagePlan& image : plan.images)
    image.processor = static_cast<Processor>(TRY(take_at_most(in, static_cast<std::uint64_t>(kLastProcessor), "a processor")));
  return std::ranges::any_of(plan.images, &ImagePlan::has_processor) ? Result<>() : bad("lists the processors of no other code");
}

Result<> take_files(Input& in, Plan& plan) {
  if (in.empty()) return {};
  for (ImagePlan& image : plan.images) image.files = TRY(FileMap::parse(TRY(in.take(TRY(in.varint()))), image.source_bytes));
  if (!in.empty()) return take_processors(in, plan);
  return std::ranges::any_of(plan.images, &ImagePlan::is_of_tree) ? Result<>() : bad("lists the files of no tree");
}

void put_image(Bytes& out, const ImagePlan& image) {
  put_varint(out, image.name.size());
  out.insert(out.end(), as_bytes(image.name).begin(), as_bytes(image.name).end());
  put_varint(out, image.source_bytes);
  put_digest(out, image.source_sha256);
  put_varint(out, image.target_bytes);
  put_digest(out, image.target_sha256);
  put_varint(out, image.frame_shift);
  put_varint(out, image.encoder);
  put_varint(out, image.encoder_level);
  put_codings(out, image.codings);
  for (const std::uint32_t size : image.record_bytes) put_varint(out, size);
}

}  // namespace

Result<Bytes> encode_description(const Plan& plan) {
  Bytes out;
  put_varint(out, plan.images.size());
  for (const ImagePlan& image : plan.images) put_image(out, image);
  put_varint(out, plan.bundle ? plan.bundle->manifest_text.size() : 0);
  put_varint(out, plan.bundle ? plan.bundle->signature.size() : 0);
  put_files(out, plan);
  put_processors(out, plan);
  Plan same;
  auto read = out.size() <= kMaxDescriptionBytes ? parse_description(out, same) : bad("is too large");
  if (!read) return fail(kCannotMake, "no delta can be made of this: " + read.error().message);
  return out;
}

Result<BundleSizes> parse_description(ByteView text, Plan& plan) {
  Input in(text);
  const std::uint64_t count = TRY(take_at_most(in, kMaxImages, "a number of images"));
  if (count == 0) return bad("has no image");
  std::uint64_t frames_left = kMaxFrames;
  for (std::uint64_t i = 0; i < count; ++i) {
    plan.images.push_back(TRY(parse_image(in, frames_left)));
    frames_left -= plan.images.back().record_bytes.size();
  }
  BundleSizes sizes;
  sizes.manifest_bytes = TRY(take_at_most(in, kMaxManifestBytes, "a manifest"));
  sizes.signature_bytes = TRY(take_at_most(in, kMaxSignatureBytes, "a signature"));
  TRY(take_files(in, plan));
  if (!in.empty()) return bad("goes on after its end");
  if (sizes.manifest_bytes == 0 && (sizes.signature_bytes != 0 || count != 1))
    return bad("has several images, or a signature, without a manifest");
  return sizes;
}

void put_making(Bytes& out, const ImagePlan& image) {
  put_varint(out, image.source_bytes);
  put_varint(out, image.target_bytes);
  put_varint(out, image.frame_shift);
  put_varint(out, image.modelled ? 1 : 0);
  put_varint(out, static_cast<std::uint64_t>(image.processor));
  put_codings(out, image.codings);
}

Result<ImagePlan> take_making(Input& in) {
  ImagePlan image;
  image.source_bytes = TRY(take_at_most(in, kMaxImageBytes, "a size"));
  image.target_bytes = TRY(take_at_most(in, kMaxImageBytes, "a size"));
  image.frame_shift = static_cast<unsigned>(TRY(take_at_most(in, kMaxFrameShift, "a frame size")));
  if (image.target_bytes == 0 || image.frame_shift < kMinFrameShift) return bad("has an image or frames that are too small");
  image.modelled = TRY(take_at_most(in, 1, "a version")) != 0;
  image.processor = static_cast<Processor>(TRY(take_at_most(in, static_cast<std::uint64_t>(kLastProcessor), "a processor")));
  image.codings = TRY(take_codings(in));
  return image;
}

}  // namespace aloft::delta
