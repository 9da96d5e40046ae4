#include "server/delta_plan.hpp"

#include <algorithm>
#include <tuple>

namespace aloft::server {
namespace {

constexpr std::uint64_t kNoteEveryMs = 3600ULL * 1000;  // at most: each is a durable write

bool serves(const fleet::Delta& delta, const fleet::DeltaWant& want) {
  return delta.release == want.release && is_for(delta, want.version, want.hardware);
}

const fleet::Release* find_by_id(const std::vector<fleet::Release>& releases, std::uint64_t id) {
  const auto found = std::ranges::find(releases, id, &fleet::Release::id);
  return found == releases.end() ? nullptr : &*found;
}

const fleet::Release* source_for(const std::vector<fleet::Release>& releases, const fleet::DeltaWant& want) {
  const fleet::Release* newest = nullptr;
  for (const fleet::Release& release : releases) {
    const bool fits = release.product == want.product && release.version == want.version && release.id != want.release &&
                      std::ranges::find(release.hardware, want.hardware) != release.hardware.end();
    if (fits && (newest == nullptr || release.id > newest->id)) newest = &release;
  }
  return newest;
}

bool is_settled(const std::vector<fleet::Delta>& deltas, const fleet::DeltaWant& want, std::uint64_t now_ms) {
  return std::ranges::any_of(deltas, [&](const fleet::Delta& delta) {
    return serves(delta, want) && (delta.problem.empty() || delta.created_ms + kTryDeltaAgainMs > now_ms);
  });
}

void add_to(std::vector<DeltaJob>& jobs, const fleet::Release& source, const fleet::Release& target, const fleet::DeltaWant& want) {
  auto job =
      std::ranges::find_if(jobs, [&](const DeltaJob& known) { return known.source.id == source.id && known.target.id == target.id; });
  if (job == jobs.end()) job = jobs.insert(jobs.end(), DeltaJob{.source = source, .target = target});
  job->waiting += want.waiting;
  job->assigned = job->assigned || want.assigned;
  job->most_saved = job->waiting * target.size_bytes;
}

}  // namespace

bool is_for(const fleet::Delta& delta, const std::string& version, const std::string& hardware) {
  return delta.from_version == version && (delta.hardware.empty() || std::ranges::find(delta.hardware, hardware) != delta.hardware.end());
}

DeltaPlan plan_deltas(const std::vector<fleet::DeltaWant>& wants, const std::vector<fleet::Release>& releases,
                      const std::vector<fleet::Delta>& deltas, const DeltaTimes& times) {
  DeltaPlan plan;
  for (const fleet::Delta& delta : deltas) {
    const bool wanted = std::ranges::any_of(wants, [&delta](const fleet::DeltaWant& want) { return serves(delta, want); });
    if (wanted && delta.wanted_ms + std::min(kNoteEveryMs, times.keep_ms / 2 + 1) <= times.now_ms) plan.wanted.push_back(delta.id);
    if (!wanted && delta.created_by.empty() && delta.wanted_ms + times.keep_ms <= times.now_ms) plan.unused.push_back(delta.id);
  }
  std::vector<DeltaJob> jobs;
  for (const fleet::DeltaWant& want : wants) {
    if (want.waiting == 0 || is_settled(deltas, want, times.now_ms)) continue;
    const fleet::Release* const target = find_by_id(releases, want.release);
    const fleet::Release* const source = source_for(releases, want);
    if (target != nullptr && source != nullptr) add_to(jobs, *source, *target, want);
  }
  const auto rank = [](const DeltaJob& job) { return std::tuple(job.assigned, job.most_saved, job.target.id, job.source.id); };
  if (const auto best = std::ranges::max_element(jobs, {}, rank); best != jobs.end()) plan.next = *best;
  return plan;
}

}  // namespace aloft::server
