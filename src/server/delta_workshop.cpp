#include "server/delta_workshop.hpp"

#include <unistd.h>

#include "base/log.hpp"
#include "base/unix_time.hpp"
#include "fleet/delta_intake.hpp"
#include "httpd/elsewhere.hpp"
#include "server/delta_child.hpp"
#include "server/errors.hpp"

namespace aloft::server {
namespace {

using httpd::offloaded;

constexpr std::chrono::seconds kLookEvery{30};
constexpr std::chrono::milliseconds kGather{1000};  // of what happens at once
constexpr std::size_t kCopyBytes = 1U << 20;
constexpr std::size_t kMaxReleases = 1000;
constexpr std::uint64_t kWorthIt = 4;  // a delta has to save at least a quarter

std::string name_of(const DeltaJob& job) {
  return "the delta from " + job.source.product + " " + job.source.version + " to " + job.target.version;
}

Result<> copy(const std::filesystem::path& file, fleet::BlobFolder::Upload& upload) {
  const Fd from = TRY(open_file(file, O_RDONLY));
  Bytes buffer(kCopyBytes);
  for (std::uint64_t at = 0;;) {
    const std::size_t count = TRY(read_full_at(from.get(), buffer, at));
    TRY(upload.write(ByteView(buffer).first(count)));
    if (count < buffer.size()) return {};
    at += count;
  }
}

}  // namespace

DeltaWorkshop::DeltaWorkshop(const Ground& ground, const DeltaSettings& settings)
    : ground_(ground), settings_(settings), sleeper_(ground.tasks.loop().get_executor()) {
  ground_.changes.follow({.device = {},
                          .deployment =
                              [this](const fleet::Deployment& deployment) {
                                if (deployment.state == protocol::UpdateState::offered) sleeper_.wake();
                              },
                          .groups = {},
                          .rollout = [this](std::uint64_t) { sleeper_.wake(); }});
}

std::uint64_t DeltaWorkshop::now_ms() const { return unix_ms(ground_.clock.now()); }

void DeltaWorkshop::begin() { ground_.tasks.begin(work_until_stopped()); }

void DeltaWorkshop::stop() {
  stopping_ = true;
  sleeper_.wake();
}

httpd::Awaitable<void> DeltaWorkshop::work_until_stopped() {
  httpd::Sleeper gathering(ground_.tasks.loop().get_executor());
  while (!stopping_) {
    Result<DeltaPlan> plan = co_await look();
    if (!plan) log::warning("deltas: " + plan.error().text());
    if (plan && plan->next && settings_.make && !stopping_) {
      co_await make(*std::move(plan->next));
      continue;
    }
    co_await sleeper_.sleep_until(std::chrono::steady_clock::now() + kLookEvery);
    if (!stopping_) co_await gathering.sleep_until(std::chrono::steady_clock::now() + kGather);
  }
}

Result<DeltaPlan> DeltaWorkshop::read_plan(std::uint64_t now_ms) {
  const auto keep_ms = static_cast<std::uint64_t>(std::chrono::milliseconds(settings_.keep).count());
  const std::vector<fleet::DeltaWant> wants = TRY(ground_.store.delta_wants());
  std::vector<fleet::Release> releases = TRY(ground_.store.releases({.product = {}, .version = {}, .limit = kMaxReleases}));
  std::erase_if(releases, [](const fleet::Release& release) { return release.format != fleet::ReleaseFormat::aloft; });
  return plan_deltas(wants, releases, TRY(ground_.store.deltas()), {.now_ms = now_ms, .keep_ms = keep_ms});
}

httpd::Awaitable<Result<DeltaPlan>> DeltaWorkshop::look() {
  auto read = [this, now = now_ms()] { return read_plan(now); };
  Result<DeltaPlan> plan = co_await offloaded(ground_.bench, read);
  if (!plan) co_return plan;
  for (const std::uint64_t id : plan->unused) {
    const Result<> dropped = co_await drop(id);
    if (!dropped) log::warning("deltas: " + dropped.error().text());
  }
  if (!plan->wanted.empty()) {
    auto start = [this, &plan](auto done) { ground_.store.note_deltas_wanted(plan->wanted, now_ms(), done); };
    const Result<> noted = co_await httpd::delivered<Result<>>(start);
    if (!noted) log::warning("deltas: " + noted.error().text());
  }
  co_return plan;
}

// On the bench: the file comes in only whole, so that a kill at any moment leaves nothing but what the next start sweeps away.
Result<std::pair<fleet::Delta, fleet::BlobFolder::Upload>> DeltaWorkshop::make_apart(const DeltaJob& job) {
  std::array<std::byte, 16> name{};
  ground_.random.fill(name);
  const std::filesystem::path file = ground_.blobs.workplace() / (to_hex(name) + ".delta");
  const DeltaMake order{.from = ground_.blobs.path_of(job.source.sha256),
                        .to = ground_.blobs.path_of(job.target.sha256),
                        .output = file,
                        .memory_bytes = settings_.memory_bytes};
  const auto bring_in = [&]() -> Result<std::pair<fleet::Delta, fleet::BlobFolder::Upload>> {
    TRY(make_delta_apart(order, &stopping_));
    fleet::Delta delta = TRY(fleet::inspect_delta(file, job.target));
    if (delta.size_bytes > job.target.size_bytes - job.target.size_bytes / kWorthIt)
      return fail(kDeltaFailed, "it would have " + std::to_string(delta.size_bytes) + " bytes, and the whole bundle has " +
                                    std::to_string(job.target.size_bytes));
    fleet::BlobFolder::Upload upload = TRY(ground_.blobs.begin(ground_.random));
    TRY(copy(file, upload));
    return std::pair(std::move(delta), std::move(upload));
  };
  auto made = bring_in();
  ::unlink(file.c_str());
  return made;
}

httpd::Awaitable<void> DeltaWorkshop::make(DeltaJob job) {
  log::info("making " + name_of(job) + " for " + std::to_string(job.waiting) + " devices");
  counters_.making = job;
  auto work = [this, &job] { return make_apart(job); };
  auto made = co_await offloaded(ground_.bench, work);
  counters_.making.reset();
  if (stopping_) co_return;
  if (!made) {
    co_await note_failure(std::move(job), made.error().message);
    co_return;
  }
  fleet::Delta delta = std::move(made->first);
  delta.from_version = job.source.version;
  delta.hardware = job.source.hardware;
  const Result<fleet::Delta> kept = co_await take_in(std::move(delta), std::move(made->second), to_hex(job.target.sha256));
  if (!kept) {
    co_await note_failure(std::move(job), kept.error().message);
    co_return;
  }
  ++counters_.made;
  log::info("made " + name_of(job) + ": " + std::to_string(kept->size_bytes) + " bytes for " + std::to_string(job.target.size_bytes));
}

// So that it is not tried again at once.
httpd::Awaitable<void> DeltaWorkshop::note_failure(DeltaJob job, std::string why) {
  ++counters_.failed;
  log::warning(name_of(job) + " is not offered: " + why);
  const std::uint64_t now = now_ms();
  fleet::Delta delta{.release = job.target.id,
                     .from_version = job.source.version,
                     .hardware = job.source.hardware,
                     .problem = why.empty() ? "unknown" : why,
                     .created_ms = now,
                     .wanted_ms = now};
  auto start = [this, &delta](auto done) { ground_.store.add_delta(std::move(delta), done); };
  const auto noted = co_await httpd::delivered<Result<fleet::DeltaStore::AddedDelta>>(start);
  if (noted) co_return;
  // Not even that could be written: the next try is not to come at once.
  co_await sleeper_.sleep_until(std::chrono::steady_clock::now() + kLookEvery);
}

Result<fleet::Delta> DeltaWorkshop::keep(fleet::Delta delta, fleet::BlobFolder::Upload upload) {
  delta.sha256 = TRY(upload.seal());
  delta.created_ms = now_ms();
  delta.wanted_ms = delta.created_ms;
  const crypto::Digest sha256 = delta.sha256;
  const bool fresh = !ground_.blobs.contains(sha256);
  TRY(ground_.blobs.publish(std::move(upload), sha256));
  auto added = fleet::wait<fleet::DeltaStore::AddedDelta>([&](auto done) { ground_.store.add_delta(std::move(delta), done); });
  if (!added && fresh) TRY(ground_.blobs.remove(sha256));
  TRY(Result<>(added ? Result<>{} : std::unexpected(added.error())));
  for (const crypto::Digest& file : added->unused)
    if (file != added->delta.sha256) TRY(ground_.blobs.remove(file));
  return added->delta;
}

httpd::Awaitable<Result<fleet::Delta>> DeltaWorkshop::take_in(fleet::Delta delta, fleet::BlobFolder::Upload upload,
                                                              std::string artifact_sha256) {
  auto work = [this, &delta, &upload] { return keep(std::move(delta), std::move(upload)); };
  Result<fleet::Delta> kept = co_await offloaded(ground_.counter, work);
  if (!kept) co_return kept;
  auto look = [this, &kept] { return fleet::needs_of(ground_.blobs.path_of(kept->sha256)); };
  Result<protocol::DeltaAbility> needs = co_await offloaded(ground_.counter, look);
  if (!needs) co_return std::unexpected(needs.error());
  ground_.shelf.put(*kept, *std::move(needs), artifact_sha256);
  ground_.roster.ring_for(artifact_sha256);
  co_return kept;
}

Result<> DeltaWorkshop::discard(std::uint64_t id) {
  const auto unused = TRY(fleet::wait<std::vector<crypto::Digest>>([&](auto done) { ground_.store.delete_delta(id, done); }));
  for (const crypto::Digest& file : unused) TRY(ground_.blobs.remove(file));
  return {};
}

httpd::Awaitable<Result<>> DeltaWorkshop::drop(std::uint64_t id) {
  ground_.shelf.remove(id);
  auto work = [this, id] { return discard(id); };
  co_return co_await offloaded(ground_.counter, work);
}

}  // namespace aloft::server
