// Everything that one process serves: the server's own site, the tenants, and the one listener for all.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>

#include "fleet/sqlite_store.hpp"
#include "httpd/server.hpp"
#include "oidc/provider.hpp"
#include "server/options.hpp"
#include "server/site.hpp"
#include "server/tenant_api.hpp"
#include "server/tenants.hpp"

namespace aloft::server {

class Service {
 public:
  // Claims and reads the data folder. Errors: kStoreInUse, of the store, of files, of TLS.
  static Result<std::unique_ptr<Service>> open(const Options& options);
  const httpd::Router& router() const { return site_->router(); }
  // What to tell whoever starts it.
  struct Welcome {
    std::string url;
    std::string certificate_sha256;          // empty without TLS
    std::optional<std::string> setup_token;  // of a first start
  };
  // Listens; nobody is answered yet. Errors: kCannotListen, kTenantsOff, of the store.
  Result<Welcome> begin();
  // Until stopped by SIGTERM or SIGINT.
  void run();

 private:
  explicit Service(const Options& options) : options_(options) {}
  Result<> open_parts();
  Result<> open_sign_on();
  void stop();
  // As people and devices reach the server; without --url by its host name and this port.
  std::string url(std::uint16_t port) const;

  const Options& options_;
  SystemClock clock_;
  SystemRandom random_;
  Fd lock_;
  std::unique_ptr<fleet::SqliteStore> store_;
  std::optional<fleet::BlobFolder> blobs_;
  std::optional<httpd::TlsContext> tls_;
  std::optional<crypto::TrustStore> trust_;
  std::optional<std::string> setup_secret_;
  std::optional<oidc::Provider> sign_on_;  // of the own site; tenants have none
  boost::asio::io_context loop_{1};
  httpd::Workers passwords_{1};
  httpd::Workers bench_{1};
  std::optional<httpd::Server> server_;
  std::optional<Site> site_;
  std::optional<Tenants> tenants_;
  std::optional<TenantApi> tenant_api_;
};

}  // namespace aloft::server
