#include "server/delta_shelf.hpp"

#include "base/log.hpp"
#include "fleet/delta_intake.hpp"
#include "server/delta_plan.hpp"

namespace aloft::server {

Result<> DeltaShelf::load(fleet::Store& store, const fleet::BlobFolder& blobs) {
  for (const fleet::Delta& delta : TRY(store.deltas())) {
    if (!delta.problem.empty()) continue;
    const fleet::Release release = TRY(store.release(delta.release));
    auto needs = fleet::needs_of(blobs.path_of(delta.sha256));
    if (!needs) log::warning("delta " + std::to_string(delta.id) + " is not offered: " + needs.error().text());
    if (needs) put(delta, *std::move(needs), to_hex(release.sha256));
  }
  return {};
}

void DeltaShelf::put(const fleet::Delta& delta, protocol::DeltaAbility needs, const std::string& artifact_sha256) {
  std::erase_if(by_artifact_, [&delta](const auto& item) {
    const fleet::Delta& other = item.second.delta;
    return other.release == delta.release && other.from_version == delta.from_version && other.hardware == delta.hardware;
  });
  by_artifact_.emplace(artifact_sha256, Shelved{delta, std::move(needs)});
  count();
}

void DeltaShelf::remove(std::uint64_t id) {
  std::erase_if(by_artifact_, [id](const auto& item) { return item.second.delta.id == id; });
  count();
}

void DeltaShelf::remove_release(std::uint64_t release) {
  std::erase_if(by_artifact_, [release](const auto& item) { return item.second.delta.release == release; });
  count();
}

void DeltaShelf::count() {
  count_ = by_artifact_.size();
  size_bytes_ = 0;
  for (const auto& [artifact, shelved] : by_artifact_) size_bytes_ += shelved.delta.size_bytes;
}

const fleet::Delta* DeltaShelf::find(const std::string& artifact_sha256, const Runs& device, const protocol::DeltaAbility& ability) const {
  const fleet::Delta* best = nullptr;
  const auto [first, last] = by_artifact_.equal_range(artifact_sha256);
  for (auto at = first; at != last; ++at)
    if (const auto& [delta, needs] = at->second; is_for(delta, device.version, device.hardware) && protocol::suffices(ability, needs) &&
                                                 (best == nullptr || delta.size_bytes < best->size_bytes))
      best = &delta;
  return best;
}

bool DeltaShelf::leads_to(const std::string& delta_sha256, const std::string& artifact_sha256) const {
  const auto [first, last] = by_artifact_.equal_range(artifact_sha256);
  for (auto at = first; at != last; ++at)
    if (to_hex(at->second.delta.sha256) == delta_sha256) return true;
  return false;
}

protocol::DeltaOffer offer_of(const fleet::Delta& delta) {
  const std::string sha256 = to_hex(delta.sha256);
  return {.url = std::string(protocol::kArtifactPath) + sha256, .sha256 = sha256, .size_bytes = delta.size_bytes, .sources = delta.sources};
}

}  // namespace aloft::server
