// aloft-server: puts the parts together and runs them until told to stop.
#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>

#include "base/log.hpp"
#include "base/notify.hpp"
#include "fleet/backup.hpp"
#include "fleet/sqlite_store.hpp"
#include "server/delta_child.hpp"
#include "server/identity.hpp"
#include "server/options.hpp"
#include "server/site.hpp"

namespace aloft::server {
namespace {

void prepare_process() {
  ::signal(SIGPIPE, SIG_IGN);  // a client that leaves is an error of one write
  ::signal(SIGXFSZ, SIG_IGN);  // so is a file over its limit
  ::umask(0077);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

void print_routes(const httpd::Router& router) {
  for (const httpd::Route& route : router.routes()) std::cout << httpd::to_string(route.method) << " " << route.pattern << "\n";
}

void print_welcome(const std::string& url, const httpd::TlsContext* tls, const std::optional<std::string>& setup_secret) {
  std::cout << "aloft-server listens on " << url << "\n";
  if (tls != nullptr) std::cout << "certificate sha256 " << tls->certificate_sha256() << "\n";
  if (setup_secret) {
    const std::string token = tls == nullptr ? *setup_secret : *setup_secret + "." + tls->certificate_sha256();
    std::cout << "first start: open " << url << "/setup#" << token << "\n"
              << "         or: aloft login " << url << " --setup " << token << "\n";
  }
  std::cout << std::flush;
}

Result<> copy_data(const Options& options) {
  const bool backing_up = !options.backup_to.empty();
  const fleet::BackupReport report =
      backing_up ? TRY(fleet::back_up(options.data, options.backup_to)) : TRY(fleet::restore(options.restore_from, options.data));
  std::cout << (backing_up ? "backed up: " : "restored: ") << "the database and " << report.blobs << " artifacts, " << report.bytes
            << " bytes\n";
  return {};
}

Result<> run(const Options& options) {
  if (!options.backup_to.empty() || !options.restore_from.empty()) return copy_data(options);
  SystemClock clock;
  SystemRandom random;
  const Fd lock = TRY(claim_data_folder(options.data));
  const auto store = TRY(fleet::SqliteStore::open(options.data / "fleet.db"));
  const auto blobs = TRY(fleet::BlobFolder::open(options.data));
  std::optional<httpd::TlsContext> tls;
  if (!options.plain_http)
    tls = TRY(tls_identity(options.data, options.tls_certificate, options.tls_key, options.client_authorities, clock.now()));
  std::optional<crypto::TrustStore> trust;
  if (!options.trust.empty()) trust = TRY(crypto::TrustStore::load(options.trust));
  std::optional<std::string> setup_secret;
  if (TRY(store->user_count()) == 0) setup_secret = new_secret(random);

  boost::asio::io_context loop(1);
  Site site({.loop = loop,
             .store = *store,
             .blobs = blobs,
             .trust = trust ? &*trust : nullptr,
             .tls = tls ? &*tls : nullptr,
             .clock = clock,
             .random = random,
             .url = options.url,
             .limits = {.max_connections = options.max_connections},
             .webhook_targets = options.webhooks_to_private ? WebhookTargets::any : WebhookTargets::public_only,
             .deltas = options.deltas},
            TRY(token_secret(*store, random)), setup_secret, TRY(ConsolePack::embedded()));
  if (options.list_routes) {
    print_routes(site.router());
    return {};
  }
  TRY(site.load());
  const std::uint16_t port = TRY(site.server().listen(options.listen_address, options.listen_port));
  const std::string made_url = std::string(tls ? "https://" : "http://") + host_name() + ":" + std::to_string(port);
  print_welcome(options.url.empty() ? made_url : options.url, tls ? &*tls : nullptr, setup_secret);
  site.begin_work();
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&site](const boost::system::error_code& error, int) {
    if (error) return;
    notify_service_manager("STOPPING=1");
    site.stop();
  });
  notify_service_manager("READY=1");
  loop.run();
  return {};
}

}  // namespace
}  // namespace aloft::server

int main(int argc, char** argv) {
  using namespace aloft::server;
  if (is_delta_child(argc, argv)) return run_delta_child(argv);
  const Parsed parsed = parse_options(argc, argv);
  if (parsed.exit_status) return *parsed.exit_status;
  prepare_process();
  if (sodium_init() < 0) return 1;
  const aloft::Result<> outcome = run(parsed.options);
  if (outcome) return 0;
  aloft::log::error(outcome.error().text());
  return 1;
}
