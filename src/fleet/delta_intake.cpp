#include "fleet/delta_intake.hpp"

#include <algorithm>

#include "bundle/reader.hpp"
#include "delta/patch.hpp"
#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

Result<bool> holds_sources(const std::filesystem::path& bundle, const Delta& delta) {
  const auto source = TRY(bundle::open_source(bundle.string()));
  const auto reader = TRY(bundle::Reader::open_unverified(*source));
  return std::ranges::all_of(delta.sources, [&reader](const protocol::DeltaOffer::Source& wanted) {
    return std::ranges::any_of(reader.manifest().images, [&wanted](const bundle::Image& image) {
      return image.name == wanted.image && to_hex(image.sha256) == wanted.sha256;
    });
  });
}

}  // namespace

Result<Delta> inspect_delta(const std::filesystem::path& file, const Release& release) {
  const auto source = TRY(bundle::open_source(file.string()));
  const delta::Patch patch = TRY(delta::Patch::open(*source, delta::PatchUse::look));
  if (!patch.bundle() || crypto::sha256(as_bytes(patch.bundle()->manifest_text)) != release.manifest_sha256)
    return fail(kDeltaTarget, "the delta does not make the bundle of release " + std::to_string(release.id) +
                                  "; make it with this release's bundle as the new one");
  Delta delta{.release = release.id, .size_bytes = patch.size_bytes()};
  for (const delta::ImagePlan& image : patch.images())
    if (image.source_bytes > 0) delta.sources.push_back({.image = image.name, .sha256 = to_hex(image.source_sha256)});
  if (delta.sources.empty()) return fail(kDeltaSource, "the delta starts from no image that a device could have");
  return delta;
}

Result<protocol::DeltaAbility> needs_of(const std::filesystem::path& file) {
  const auto source = TRY(bundle::open_source(file.string()));
  const delta::Patch patch = TRY(delta::Patch::open(*source, delta::PatchUse::look));
  protocol::DeltaAbility needs{.format = patch.version(), .compressors = {}};
  for (const delta::ImagePlan& image : patch.images())
    for (const delta::BlockCoding& coding : image.codings)
      if (coding.version != 0) needs.compressors.emplace(delta::name_of(coding.compressor), coding.version);
  return needs;
}

Result<Release> find_source(const Delta& delta, const std::vector<Release>& releases, const BlobFolder& blobs) {
  for (const Release& release : releases) {
    const auto holds = holds_sources(blobs.path_of(release.sha256), delta);
    if (holds && *holds) return release;
  }
  return fail(kDeltaSource, "the server has no release whose images the delta starts from; upload that bundle, or say from=VERSION");
}

}  // namespace aloft::fleet
