#include "delta/patch.hpp"

#include <algorithm>
#include <array>

#include "delta/description.hpp"
#include "delta/errors.hpp"
#include "delta/packed.hpp"

namespace aloft::delta {
namespace {

constexpr std::string_view kMagic = "ALDLT\r\n\x1a";
constexpr std::uint32_t kPlainVersion = 1;     // differences are in the body
constexpr std::uint32_t kModelledVersion = 2;  // or before it
constexpr std::uint32_t kStreamsVersion = 3;   // and streams are made in pieces
constexpr std::uint32_t kFixedVersion = 4;     // and blocks of a given size
constexpr std::uint32_t kTreeVersion = 5;      // and old images are trees of files
constexpr std::uint32_t kCodeVersion = 6;      // and differences are modelled for code of arm64
constexpr std::uint32_t kHalfwordVersion = 7;  // and of 32-bit ARM and RISC-V
constexpr std::uint32_t kFileVersion = 8;      // and files are packed as a whole
static_assert(kFileVersion == kNewestFormat);
constexpr std::size_t kChecksumAt = 32;
constexpr int kPackLevel = 19;
constexpr std::uint64_t kMaxPackedBytes = kMaxManifestBytes + kMaxManifestBytes / 128 + kMaxSignatureBytes;
constexpr std::size_t kReadStep = 1 << 20;

std::unexpected<Error> truncated() { return fail(kDeltaTruncated, "the delta ends too early; fetch it again"); }

Digest checksum(ByteView header, ByteView description, ByteView bundle) {
  crypto::Sha256 hash;
  hash.update(header.first(kChecksumAt));
  hash.update(description);
  hash.update(bundle);
  return hash.finish();
}

// Grows with what is there, not with what a header claims.
Result<Bytes> read_part(ByteSource& source, std::uint64_t offset, std::uint64_t size_bytes) {
  Bytes part;
  while (part.size() < size_bytes) {
    const std::size_t start = part.size();
    part.resize(start + static_cast<std::size_t>(std::min<std::uint64_t>(kReadStep, size_bytes - start)));
    const auto step = std::span(part).subspan(start);
    if (TRY(source.read_at(offset + start, step)) < step.size()) return truncated();
  }
  return part;
}

struct Header {
  std::uint32_t version;
  std::uint64_t description_bytes;  // as packed
  std::uint64_t bundle_bytes;       // likewise
};

Result<Header> parse_header(ByteView header) {
  if (!std::ranges::equal(header.first(kMagic.size()), as_bytes(kMagic)))
    return fail(kNotADelta, "not an Aloft delta: it does not begin as one");
  const std::uint32_t version = load_le32(header.subspan(8));
  if (version < kPlainVersion || version > kNewestFormat)
    return fail(kDeltaVersion, "the delta has version " + std::to_string(version) + "; this Aloft reads versions 1 to " +
                                   std::to_string(kNewestFormat) + ": update it first");
  if (load_le32(header.subspan(12)) != 0) return fail(kBadDelta, "the delta has flags that this Aloft does not know; update it first");
  const Header parsed{
      .version = version, .description_bytes = load_le64(header.subspan(16)), .bundle_bytes = load_le64(header.subspan(24))};
  if (parsed.description_bytes == 0 || parsed.description_bytes > kMaxDescriptionBytes || parsed.bundle_bytes > kMaxPackedBytes)
    return fail(kBadDelta, "the delta's header names sizes outside the limits; make the delta again");
  return parsed;
}

Result<> unpack_bundle(ByteView packed, const BundleSizes& sizes, const Unpack& unpack, Plan& plan) {
  if (packed.empty() != (sizes.manifest_bytes == 0))
    return fail(kBadDelta, "the delta's header and description disagree; make the delta again");
  if (packed.empty()) return {};
  Bytes text;
  TRY(unpack(packed, sizes.manifest_bytes + sizes.signature_bytes, text));
  if (text.size() != sizes.manifest_bytes + sizes.signature_bytes)
    return fail(kBadDelta, "the delta's manifest has another size than its description says; make the delta again");
  const auto manifest = ByteView(text).first(static_cast<std::size_t>(sizes.manifest_bytes));
  const auto signature = ByteView(text).subspan(manifest.size());
  plan.bundle = BundleText{std::string(as_text(manifest)), Bytes(signature.begin(), signature.end())};
  return {};
}

std::uint32_t version_of(const Plan& plan) {
  if (std::ranges::any_of(plan.images, &ImagePlan::has_files)) return kFileVersion;
  if (std::ranges::any_of(plan.images, &ImagePlan::has_halfwords)) return kHalfwordVersion;
  if (std::ranges::any_of(plan.images, &ImagePlan::has_processor)) return kCodeVersion;
  if (std::ranges::any_of(plan.images, &ImagePlan::is_of_tree)) return kTreeVersion;
  if (std::ranges::any_of(plan.images, &ImagePlan::has_fixed)) return kFixedVersion;
  if (std::ranges::any_of(plan.images, &ImagePlan::has_streams)) return kStreamsVersion;
  return std::ranges::any_of(plan.images, &ImagePlan::modelled) ? kModelledVersion : kPlainVersion;
}

}  // namespace

std::uint32_t Patch::version() const { return version_of(plan_); }

Result<Bytes> encode_plan(const Plan& plan) {
  Packer packer(kPackLevel);
  Bytes description;
  TRY(packer.pack(TRY(encode_description(plan)), description));
  Bytes bundle;
  if (plan.bundle) {
    Bytes text(as_bytes(plan.bundle->manifest_text).begin(), as_bytes(plan.bundle->manifest_text).end());
    text.insert(text.end(), plan.bundle->signature.begin(), plan.bundle->signature.end());
    TRY(packer.pack(text, bundle));
  }
  Bytes out(kHeaderBytes);
  std::ranges::copy(as_bytes(kMagic), out.begin());
  store_le32(std::span(out).subspan(8), version_of(plan));
  store_le64(std::span(out).subspan(16), description.size());
  store_le64(std::span(out).subspan(24), bundle.size());
  std::ranges::copy(checksum(out, description, bundle), out.begin() + kChecksumAt);
  out.insert(out.end(), description.begin(), description.end());
  out.insert(out.end(), bundle.begin(), bundle.end());
  return out;
}

Result<> unpack_here(ByteView packed, std::uint64_t limit_bytes, Bytes& content) { return Unpacker().unpack(packed, limit_bytes, content); }

Result<Patch> Patch::open(ByteSource& source, PatchUse use, const Unpack& unpack) {
  std::array<std::byte, kHeaderBytes> header{};
  const std::size_t count = TRY(source.read_at(0, header));
  if (count < kHeaderBytes) {
    const std::size_t known = std::min(count, kMagic.size());
    if (!std::ranges::equal(std::span(header).first(known), as_bytes(kMagic).first(known)))
      return fail(kNotADelta, "not an Aloft delta: it does not begin as one");
    return truncated();
  }
  const Header sizes = TRY(parse_header(header));
  source.expect(kHeaderBytes + sizes.description_bytes + sizes.bundle_bytes);
  const Bytes description = TRY(read_part(source, kHeaderBytes, sizes.description_bytes));
  const Bytes bundle = TRY(read_part(source, kHeaderBytes + sizes.description_bytes, sizes.bundle_bytes));
  source.expect(kNoEnd);
  if (!std::ranges::equal(checksum(header, description, bundle), std::span(header).subspan(kChecksumAt)))
    return fail(kDeltaChecksum, "the delta's header, description or manifest is damaged; fetch it again");
  Patch patch;
  patch.source_ = &source;
  Bytes text;
  TRY(unpack(description, kMaxDescriptionBytes, text));
  const BundleSizes bundle_sizes = TRY(parse_description(text, patch.plan_));
  TRY(unpack_bundle(bundle, bundle_sizes, unpack, patch.plan_));
  for (ImagePlan& image : patch.plan_.images) image.modelled = sizes.version >= kModelledVersion;
  if (patch.version() > sizes.version) return fail(kBadDelta, "the delta's description names what its version cannot have");
  for (const ImagePlan& image : patch.plan_.images)
    for (const BlockCoding& coding : image.codings)
      if (use == PatchUse::apply) TRY(check_library(coding));
  patch.records_offset_ = kHeaderBytes + description.size() + bundle.size();
  patch.lay_out();
  return patch;
}

// At most 2^20 records of 32 bits each: no sum comes near 2^63.
void Patch::lay_out() {
  std::uint64_t offset = records_offset_;
  for (const ImagePlan& image : plan_.images) {
    auto& offsets = offsets_.emplace_back();
    offsets.reserve(image.record_bytes.size());
    for (const std::uint32_t size : image.record_bytes) {
      offsets.push_back(offset);
      offset += size;
    }
  }
  size_bytes_ = offset;
}

Result<> Patch::fetch_record(std::size_t image, std::uint64_t frame, Bytes& record) {
  record.resize(plan_.images[image].record_bytes[frame]);
  if (TRY(source_->read_at(offsets_[image][frame], record)) < record.size()) return truncated();
  return {};
}

}  // namespace aloft::delta
