#include "server/site.hpp"

#include "base/log.hpp"
#include "base/unix_time.hpp"
#include "httpd/elsewhere.hpp"
#include "server/release_files.hpp"
#include "server/status.hpp"

namespace aloft::server {
namespace {

constexpr std::chrono::seconds kFlushInterval{5};
constexpr std::size_t kSeenAtOnce = 2000;

std::string pin(const httpd::TlsContext* tls) { return tls == nullptr ? "" : tls->certificate_sha256(); }

// Where a proxy ends TLS, the address that was given is what says so.
bool is_https(const Ground& ground) { return ground.tls != nullptr || ground.address.starts_with("https://"); }

}  // namespace

Site::Site(const Ground& ground, const Bytes& token_secret, std::optional<std::string> setup_secret, ConsolePack console)
    : ground_(ground),
      tasks_(ground.loop),
      access_(ground.clock),
      audit_(ground.store, access_, status_of),
      quotas_(ground.store, access_),
      router_(status_of),
      pages_(std::move(console)),
      sign_on_(ground.store, access_, ground.random, ground.sign_on, token_secret),
      devices_(ground.store, ground.blobs, roster_, delta_shelf_, changes_, token_secret, ground.clock, ground.random),
      sessions_(ground.store, access_, ground.passwords, ground.random, std::move(setup_secret), pin(ground.tls), ground.address,
                !ground.tenancy.alone && ground.tenancy.name.empty()),
      workshop_({.tasks = tasks_,
                 .bench = ground.bench,
                 .store = ground.store,
                 .blobs = ground.blobs,
                 .counter = counter_,
                 .shelf = delta_shelf_,
                 .roster = roster_,
                 .changes = changes_,
                 .clock = ground.clock,
                 .random = ground.random},
                ground.deltas),
      releases_(ground.store, ground.blobs, access_, ground.trust, ground.random, counter_, quotas_,
                {.added = [this] { workshop_.look_soon(); }, .removed = [this](std::uint64_t id) { delta_shelf_.remove_release(id); }}),
      deltas_(ground.store, ground.blobs, access_, workshop_, quotas_, ground.random),
      device_admin_(ground.store, roster_, changes_, access_, ground.random, pin(ground.tls), ground.address),
      deployments_(ground.store, roster_, changes_, access_),
      groups_(tasks_, ground.store, access_, changes_),
      rollouts_(tasks_, ground.store, roster_, changes_, ground.clock),
      rollout_api_(ground.store, access_, rollouts_),
      health_api_(ground.store, access_),
      users_(ground.store, access_, ground.passwords),
      ddi_devices_(roster_, changes_),
      ddi_authorities_(ground.clock, ground.client_authorities),
      ddi_access_(ground.store, roster_, changes_, ddi_devices_, ddi_authorities_, ground.clock, ground.url, is_https(ground),
                  ground.tenancy),
      ddi_reports_(ground.store, roster_, changes_),
      ddi_(ground.store, roster_, ddi_access_, ddi_devices_, ddi_reports_),
      ddi_data_(ground.store, ground.blobs, changes_, ddi_access_, ddi_devices_),
      ddi_confirm_(ground.store, roster_, ddi_access_, ddi_devices_, ddi_reports_),
      ddi_admin_(ground.store, roster_, changes_, access_, ddi_access_, ddi_devices_, ground.random),
      ddi_authority_api_(ground.store, access_, ddi_authorities_),
      webhooks_(tasks_, ground.store, changes_, ground.clock, ground.webhook_targets),
      webhook_api_(ground.store, access_, webhooks_, ground.random),
      feed_(access_, changes_),
      quota_api_(access_, quotas_),
      service_(ground.store, roster_, rollouts_, delta_shelf_, workshop_, quotas_, ground.clock, ground.counters),
      flusher_(ground.loop.get_executor()) {
  router_.wrap_with([this](const httpd::Route& route) { return quotas_.around(route, audit_.around(route)); });
  pages_.add_routes(router_);
  service_.add_routes(router_);
  quota_api_.add_routes(router_);
  sessions_.add_routes(router_);
  sign_on_.add_routes(router_);
  releases_.add_routes(router_);
  deltas_.add_routes(router_);
  device_admin_.add_routes(router_);
  deployments_.add_routes(router_);
  groups_.add_routes(router_);
  rollout_api_.add_routes(router_);
  health_api_.add_routes(router_);
  users_.add_routes(router_);
  webhook_api_.add_routes(router_);
  feed_.add_routes(router_);
  devices_.add_routes(router_);
  ddi_admin_.add_routes(router_);
  ddi_authority_api_.add_routes(router_);
  ddi_.add_routes(router_);
  ddi_data_.add_routes(router_);
  ddi_confirm_.add_routes(router_);
}

Result<> Site::load() {
  const auto now_ms = unix_ms(ground_.clock.now());
  TRY(fleet::wait<>([&](auto done) { ground_.store.delete_expired_access_tokens(now_ms, done); }));
  TRY(access_.tokens().load(ground_.store));
  access_.tokens().remove_outside([this](const std::string& issuer) { return sign_on_.knows(issuer); });
  TRY(roster_.load(ground_.store));
  TRY(complete_deletions(ground_.store, ground_.blobs));
  TRY(complete_digests(ground_.store, ground_.blobs));
  TRY(ddi_devices_.load(ground_.store));
  TRY(ddi_authorities_.load(ground_.store));
  TRY(ddi_access_.load());
  TRY(delta_shelf_.load(ground_.store, ground_.blobs));
  return rollouts_.load();
}

void Site::begin_work() {
  tasks_.begin(flush_last_seen());
  rollouts_.begin();
  groups_.begin();
  webhooks_.begin();
  workshop_.begin();
}

httpd::Awaitable<void> Site::flush_last_seen() {
  while (true) {
    if (!stopping_) co_await flusher_.sleep_until(std::chrono::steady_clock::now() + kFlushInterval);
    // In pieces: what devices report meanwhile goes in between.
    std::vector<fleet::LastSeen> seen;
    for (std::size_t left = roster_.touched_count(); left > 0; left -= std::min(left, kSeenAtOnce)) {
      seen = roster_.take_touched(kSeenAtOnce);
      auto start = [this, &seen](auto done) { ground_.store.record_last_seen(std::move(seen), done); };
      const Result<> written = co_await httpd::delivered<Result<>>(start);
      if (!written) log::warning("when devices were seen last could not be written: " + written.error().text());
    }
    if (std::vector<fleet::TokenUse> used = access_.tokens().take_used(); !used.empty()) {
      auto start = [this, &used](auto done) { ground_.store.record_token_use(std::move(used), done); };
      const Result<> written = co_await httpd::delivered<Result<>>(start);
      if (!written) log::warning("when tokens were used last could not be written: " + written.error().text());
    }
    if (stopping_) co_return;
  }
}

Site::Summary Site::summary() const {
  using enum fleet::DeviceStatus;
  return {.devices = {roster_.device_count(pending), roster_.device_count(accepted), roster_.device_count(rejected)},
          .deployments = roster_.deployment_count(),
          .rollouts = rollouts_.all_live().size(),
          .quotas = quotas_.use().value_or(fleet::QuotaUse{})};
}

void Site::stop() {
  stopping_ = true;
  flusher_.wake();
  rollouts_.stop();
  groups_.stop();
  webhooks_.stop();
  workshop_.stop();
  sign_on_.stop();
}

}  // namespace aloft::server
