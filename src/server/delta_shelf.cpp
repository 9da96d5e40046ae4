#include "server/delta_shelf.hpp"

#include "server/delta_plan.hpp"

namespace aloft::server {

Result<> DeltaShelf::load(fleet::Store& store) {
  for (const fleet::Delta& delta : TRY(store.deltas())) {
    if (!delta.problem.empty()) continue;
    const fleet::Release release = TRY(store.release(delta.release));
    put(delta, to_hex(release.sha256));
  }
  return {};
}

void DeltaShelf::put(const fleet::Delta& delta, const std::string& artifact_sha256) {
  std::erase_if(by_artifact_, [&delta](const auto& item) {
    return item.second.release == delta.release && item.second.from_version == delta.from_version && item.second.hardware == delta.hardware;
  });
  by_artifact_.emplace(artifact_sha256, delta);
  count();
}

void DeltaShelf::remove(std::uint64_t id) {
  std::erase_if(by_artifact_, [id](const auto& item) { return item.second.id == id; });
  count();
}

void DeltaShelf::remove_release(std::uint64_t release) {
  std::erase_if(by_artifact_, [release](const auto& item) { return item.second.release == release; });
  count();
}

void DeltaShelf::count() {
  count_ = by_artifact_.size();
  size_bytes_ = 0;
  for (const auto& [artifact, delta] : by_artifact_) size_bytes_ += delta.size_bytes;
}

const fleet::Delta* DeltaShelf::find(const std::string& artifact_sha256, const std::string& version, const std::string& hardware) const {
  const fleet::Delta* best = nullptr;
  const auto [first, last] = by_artifact_.equal_range(artifact_sha256);
  for (auto at = first; at != last; ++at)
    if (is_for(at->second, version, hardware) && (best == nullptr || at->second.size_bytes < best->size_bytes)) best = &at->second;
  return best;
}

bool DeltaShelf::leads_to(const std::string& delta_sha256, const std::string& artifact_sha256) const {
  const auto [first, last] = by_artifact_.equal_range(artifact_sha256);
  for (auto at = first; at != last; ++at)
    if (to_hex(at->second.sha256) == delta_sha256) return true;
  return false;
}

protocol::DeltaOffer offer_of(const fleet::Delta& delta) {
  const std::string sha256 = to_hex(delta.sha256);
  return {.url = std::string(protocol::kArtifactPath) + sha256, .sha256 = sha256, .size_bytes = delta.size_bytes, .sources = delta.sources};
}

}  // namespace aloft::server
