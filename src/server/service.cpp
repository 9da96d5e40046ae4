#include "server/service.hpp"

#include <signal.h>
#include <sys/resource.h>

#include <boost/asio/signal_set.hpp>

#include "base/log.hpp"
#include "base/notify.hpp"
#include "server/identity.hpp"

namespace aloft::server {
namespace {

constexpr std::chrono::milliseconds kGrace{5000};

httpd::Limits limits_for(std::size_t max_connections) {
  const httpd::Limits wanted{.max_connections = max_connections};
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  const httpd::Limits limits = httpd::within_open_files(wanted, files.rlim_cur);
  if (limits.max_connections < max_connections)
    log::warning("the limit of open files, " + std::to_string(files.rlim_cur) + ", allows " + std::to_string(limits.max_connections) +
                 " connections at once, not " + std::to_string(max_connections) +
                 "; raise it (ulimit -n, LimitNOFILE= in the unit), or lower --max-connections");
  return limits;
}

// ":8443" of "https://updates.example:8443/"; what is not there is the scheme's own.
std::string port_of(const std::string& url) {
  const std::size_t begin = url.find("://");
  const std::size_t authority = begin == std::string::npos ? 0 : begin + 3;
  const std::string host = url.substr(authority, url.find('/', authority) - authority);
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');
  return colon == std::string::npos || (bracket != std::string::npos && colon < bracket) ? "" : host.substr(colon);
}

}  // namespace

Result<std::unique_ptr<Service>> Service::open(const Options& options) {
  std::unique_ptr<Service> service(new Service(options));
  TRY(service->open_parts());
  return service;
}

Result<> Service::open_parts() {
  lock_ = TRY(claim_data_folder(options_.data));
  store_ = TRY(fleet::SqliteStore::open(options_.data / "fleet.db"));
  blobs_ = TRY(fleet::BlobFolder::open(options_.data));
  std::vector<std::string> names;
  if (!options_.tenant_domain.empty()) names = {options_.tenant_domain, "*." + options_.tenant_domain};
  if (!options_.plain_http) tls_ = TRY(tls_identity(options_.data, options_.tls_certificate, options_.tls_key, names, clock_.now()));
  if (!options_.trust.empty()) trust_ = TRY(crypto::TrustStore::load(options_.trust));
  if (TRY(store_->user_count()) == 0) setup_secret_ = new_secret(random_);
  const Ground ground{.loop = loop_,
                      .passwords = passwords_,
                      .bench = bench_,
                      .store = *store_,
                      .blobs = *blobs_,
                      .trust = trust_ ? &*trust_ : nullptr,
                      .tls = tls_ ? &*tls_ : nullptr,
                      .clock = clock_,
                      .random = random_,
                      .url = options_.url,
                      .address = options_.url,
                      .webhook_targets = options_.webhooks_to_private ? WebhookTargets::any : WebhookTargets::public_only,
                      .deltas = options_.deltas,
                      .tenancy = {.alone = options_.tenant_domain.empty()},
                      .counters = [this]() -> const httpd::Counters& { return server_->counters(); }};
  TRY(open_sign_on());
  Ground own = ground;
  own.sign_on = sign_on_ ? &*sign_on_ : nullptr;
  if (!options_.client_authorities.empty()) {
    own.client_authorities = TRY(read_file(options_.client_authorities, kMaxAuthoritiesBytes));
    if (auto good = crypto::ClientAuthorities::from_pem(own.client_authorities); !good)
      return fail(std::move(good).error().within(options_.client_authorities.string()));
  }
  const ConsolePack console = TRY(ConsolePack::embedded());
  site_.emplace(own, TRY(token_secret(*store_, random_)), setup_secret_, console);
  tenants_.emplace(ground, *site_, TenantFolder(options_.data), options_.tenant_domain, console,
                   [this](const httpd::Router* router) { server_->depart(router); });
  if (tls_) tls_->ask_for(*tenants_);
  tenant_api_.emplace(*tenants_, site_->access(), clock_, random_);
  tenant_api_->add_routes(site_->router());
  server_.emplace(loop_, *tenants_, tls_ ? &*tls_ : nullptr, limits_for(options_.max_connections));
  return {};
}

Result<> Service::open_sign_on() {
  if (options_.sign_on.empty()) return {};
  const oidc::Settings settings = TRY(oidc::load_settings(options_.sign_on));
  sign_on_.emplace(settings, callback_address(options_.url), clock_, oidc::Provider::over_tls(settings));
  return {};
}

std::string Service::url(std::uint16_t port) const {
  if (!options_.url.empty()) return options_.url;
  const std::string& address = options_.listen_address;
  const bool everywhere = address == "0.0.0.0" || address == "::";
  const std::string host = everywhere ? host_name() : address.find(':') == std::string::npos ? address : "[" + address + "]";
  return std::string(tls_ ? "https://" : "http://") + host + ":" + std::to_string(port);
}

void Service::stop() {
  notify_service_manager("STOPPING=1");
  site_->stop();
  tenants_->stop();
  server_->stop(kGrace);
}

Result<Service::Welcome> Service::begin() {
  TRY(site_->load());
  const std::uint16_t port = TRY(server_->listen(options_.listen_address, options_.listen_port));
  const Reach reach{.scheme = url(port).substr(0, url(port).find(':')),
                    .domain = options_.tenant_domain,
                    .port = port_of(url(port)),
                    .certificate_sha256 = tls_ ? tls_->certificate_sha256() : ""};
  TRY(tenants_->load(reach));
  Welcome welcome{.url = url(port), .certificate_sha256 = reach.certificate_sha256, .setup_token = {}};
  if (setup_secret_) welcome.setup_token = reach.setup_token(*setup_secret_);
  return welcome;
}

void Service::run() {
  site_->begin_work();
  tenants_->begin_work();
  boost::asio::signal_set signals(loop_, SIGTERM, SIGINT);
  signals.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) stop();
  });
  notify_service_manager("READY=1");
  loop_.run();
}

}  // namespace aloft::server
