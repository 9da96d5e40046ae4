#include "server/tenants.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "base/log.hpp"
#include "httpd/elsewhere.hpp"
#include "server/errors.hpp"
#include "server/tenant_name.hpp"

namespace aloft::server {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{1000};
constexpr std::chrono::seconds kRetry{30};  // of one that could not be opened
constexpr std::chrono::seconds kFollowLimit{30};
constexpr std::chrono::seconds kHoldLimit{20};
constexpr std::chrono::milliseconds kReap{50};

// Whether the target is one of hawkBit's device protocol: /TENANT/controller/v1/...
bool names_tenant(const httpd::Target& target) {
  return target.segments.size() >= 3 && target.segments[1] == "controller" && target.segments[2] == "v1";
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

}  // namespace

std::string_view to_string(Tenants::Standing::State state) {
  switch (state) {
    case Tenants::Standing::State::running: return "running";
    case Tenants::Standing::State::starting: return "starting";
    case Tenants::Standing::State::suspended: return "suspended";
    case Tenants::Standing::State::failed: break;
  }
  return "failed";
}

Tenants::Tenants(const Ground& base, const Site& own, TenantFolder folder, std::string domain, ConsolePack console,
                 std::function<void(const httpd::Router*)> depart)
    : base_(base),
      own_(own),
      own_router_(std::shared_ptr<const httpd::Router>(), &own.router()),
      folder_(std::move(folder)),
      reach_{.domain = std::move(domain), .port = {}, .certificate_sha256 = {}},
      console_(std::move(console)),
      depart_(std::move(depart)),
      tasks_(base.loop),
      sleeper_(base.loop.get_executor()) {}

// --- which site

const TenantSite* Tenants::running(std::string_view name) const {
  const auto found = known_.find(name);
  return found == known_.end() ? nullptr : found->second.running.get();
}

std::string_view Tenants::tenant_at(const std::string& host) const {
  const auto own_host = hosts_.find(host);
  return own_host == hosts_.end() ? label_under(host, reach_.domain) : std::string_view(own_host->second);
}

bool Tenants::a_tenant_asks() const {
  return std::ranges::any_of(known_, [](const auto& one) {
    const Known& known = one.second;
    return known.running && known.running->site().authorities().all() != nullptr;
  });
}

std::optional<std::span<const crypto::Certificate>> Tenants::asks(std::string_view host) const {
  const std::string plain = host_of(host);
  const std::string_view name = on() ? tenant_at(plain) : std::string_view();
  if (name.empty()) return a_tenant_asks() ? std::span<const crypto::Certificate>() : own_.authorities().asked();
  const TenantSite* const tenant = running(name);
  return tenant == nullptr ? std::nullopt : tenant->site().authorities().asked();
}

Result<std::shared_ptr<const httpd::Router>> Tenants::router_for(const httpd::Request& request) const {
  if (!on()) return own_router_;
  const auto router_of = [this](std::string_view name) -> std::shared_ptr<const httpd::Router> {
    const auto found = known_.find(name);
    if (found == known_.end() || !found->second.running) return nullptr;
    return {found->second.running, &found->second.running->site().router()};
  };
  const std::string host = host_of(request.header("host"));
  const std::string_view name = tenant_at(host);
  if (!name.empty()) {
    auto router = router_of(name);
    if (!router) return fail(kNoSuchSite, "there is no site at this address; check the host's name");
    return router;
  }
  if (names_tenant(request.target))
    if (auto router = router_of(lower(request.target.segments.front()))) return router;
  return own_router_;
}

std::vector<Tenants::Standing> Tenants::standing() const {
  using State = Standing::State;
  std::vector<Standing> all;
  for (const auto& [name, known] : known_) {
    Standing standing{.tenant = known.tenant, .url = reach_.url_of(known.tenant), .state = State::starting, .problem = known.problem};
    if (known.tenant.suspended) standing.state = State::suspended;
    if (!known.problem.empty()) standing.state = State::failed;
    if (known.running) {
      standing.state = State::running;
      standing.summary = known.running->site().summary();
    }
    all.push_back(std::move(standing));
  }
  return all;
}

// --- following the folder

Result<std::shared_ptr<TenantSite>> Tenants::open(const Tenant& tenant) const {
  return TenantSite::open(base_, folder_.path_of(tenant.name), tenant, reach_.url_of(tenant), console_);
}

void Tenants::take(Known& known, Result<std::shared_ptr<TenantSite>> opened) {
  known.problem = opened ? "" : opened.error().text();
  known.retry = steady_clock::now() + kRetry;
  if (opened) (*opened)->site().set_limits(known.tenant.limits);
  if (opened) known.running = *std::move(opened);
  if (!known.problem.empty()) log::error("tenant " + known.tenant.name + " cannot be served: " + known.problem);
}

Result<> Tenants::load(Reach reach) {
  if (!on()) {
    const auto tenants = folder_.list();
    if (!tenants || tenants->empty()) return {};
    return fail(kTenantsOff, "the data folder has tenants: start the server with the --tenant-domain that they were made for");
  }
  reach_ = std::move(reach);
  TRY(folder_.sweep());
  TRY(folder_.keep_reach(reach_));
  for (const Tenant& tenant : TRY(folder_.list())) {
    Known& known = known_[tenant.name];
    known.tenant = tenant;
    if (!tenant.host.empty()) hosts_[tenant.host] = tenant.name;
    if (!tenant.suspended) take(known, open(tenant));
  }
  return {};
}

void Tenants::begin_work() {
  for (auto& [name, known] : known_)
    if (known.running) known.running->site().begin_work();
  if (on()) tasks_.begin(follow_until_stopped());
}

void Tenants::stop() {
  stopping_ = true;
  sleeper_.wake();
  for (auto& [name, known] : known_)
    if (known.running) known.running->site().stop();
}

httpd::Awaitable<void> Tenants::follow_until_stopped() {
  while (!stopping_) {
    ++rounds_begun_;
    co_await follow();
    rounds_done_ = rounds_begun_;
    followed_.ring();
    co_await sleeper_.sleep_until(steady_clock::now() + (retired_.empty() ? kLook : kReap));
  }
}

void Tenants::retire(Known& known) {
  if (!known.running) return;
  known.running->site().stop();
  depart_(&known.running->site().router());
  retired_.push_back({.site = std::move(known.running), .since = steady_clock::now()});
  known.running.reset();
}

void Tenants::reap() {
  std::erase_if(retired_, [](const Retired& one) { return one.site.use_count() == 1 && one.site->site().at_rest(); });
}

bool Tenants::is_retiring(const std::string& name) {
  reap();
  const auto limit = steady_clock::now() - kHoldLimit;
  return std::ranges::any_of(retired_, [&](const Retired& one) { return one.site->tenant().name == name && one.since > limit; });
}

httpd::Awaitable<void> Tenants::start(std::string name) {
  const Tenant tenant = known_.at(name).tenant;
  auto work = [this, &tenant] { return open(tenant); };
  Result<std::shared_ptr<TenantSite>> opened = co_await httpd::offloaded(opener_, work);
  if (stopping_) co_return;
  Known& known = known_.at(name);
  take(known, std::move(opened));
  if (known.running) known.running->site().begin_work();
}

httpd::Awaitable<void> Tenants::follow() {
  reap();
  auto look = [this] { return folder_.list(); };
  const Result<std::vector<Tenant>> listed = co_await httpd::offloaded(keeper_, look);
  if (!listed) log::warning("the tenants cannot be listed: " + listed.error().text());
  if (!listed || stopping_) co_return;
  for (auto at = known_.begin(); at != known_.end();) {
    const auto same = std::ranges::find(*listed, at->first, &Tenant::name);
    const bool stays = same != listed->end() && same->inode == at->second.tenant.inode;
    const bool other_sign_on = stays && at->second.running && at->second.running->tenant().sign_on != same->sign_on;
    if (!stays || !wanted(*same) || other_sign_on) retire(at->second);
    if (stays) {
      const bool other_limits = at->second.tenant.limits != same->limits;
      at->second.tenant = *same;
      if (other_limits && at->second.running) at->second.running->site().set_limits(same->limits);
      ++at;
    } else {
      hosts_.erase(at->second.tenant.host);
      at = known_.erase(at);
    }
  }
  for (const Tenant& tenant : *listed) {
    Known& known = known_[tenant.name];
    known.tenant = tenant;
    if (!tenant.host.empty()) hosts_[tenant.host] = tenant.name;
    if (tenant.suspended) known.problem.clear();
    // Not two at once on one store, unless it is only a slow download that goes on.
    if (!wanted(tenant) || known.running || is_retiring(tenant.name) || (!known.problem.empty() && known.retry > steady_clock::now()))
      continue;
    co_await start(tenant.name);
    if (stopping_) co_return;
  }
}

httpd::Awaitable<void> Tenants::follow_now() {
  const std::uint64_t wanted = rounds_begun_ + 1;
  const auto until = steady_clock::now() + kFollowLimit;
  httpd::Sleeper sleeper(co_await boost::asio::this_coro::executor);
  const httpd::Bell::Listener listener(followed_, sleeper);
  sleeper_.wake();
  while (rounds_done_ < wanted && !stopping_ && steady_clock::now() < until) co_await sleeper.sleep_until(until);
}

httpd::Awaitable<void> Tenants::hold(std::string name) {
  held_.insert(name);
  co_await follow_now();
  const auto until = steady_clock::now() + kHoldLimit;
  httpd::Sleeper sleeper(co_await boost::asio::this_coro::executor);
  while (is_retiring(name) && !stopping_ && steady_clock::now() < until) co_await sleeper.sleep_until(steady_clock::now() + kReap);
}

}  // namespace aloft::server
