// One tenant that is being served: its store, its files, its site. Nothing of it is shared with another but the loop and a few threads.
#pragma once

#include <memory>
#include <optional>

#include "fleet/sqlite_store.hpp"
#include "oidc/provider.hpp"
#include "server/site.hpp"
#include "server/tenant_folder.hpp"

namespace aloft::server {

class TenantSite {
 public:
  // Reads all of it into memory, which for a large fleet takes seconds: not on the loop. base: the server's own site's, from which
  // everything is taken that is not the tenant's; url: the tenant's address. Trust anchors come from the tenant's folder "trust" when it
  // has one, else from the base. Settings of an identity provider that are no good are logged, and nobody signs in there: devices must not
  // suffer from them. Errors: of the store and of files.
  static Result<std::shared_ptr<TenantSite>> open(const Ground& base, const std::filesystem::path& folder, const Tenant& tenant,
                                                  const std::string& url, ConsolePack console);
  Site& site() { return *site_; }
  const Site& site() const { return *site_; }
  const Tenant& tenant() const { return tenant_; }

 private:
  void open_sign_on(const std::filesystem::path& folder, const std::string& url, Clock& clock);
  TenantSite(Tenant tenant, std::unique_ptr<fleet::SqliteStore> store, fleet::BlobFolder blobs)
      : tenant_(std::move(tenant)), store_(std::move(store)), blobs_(std::move(blobs)) {}
  Tenant tenant_;
  std::unique_ptr<fleet::SqliteStore> store_;
  fleet::BlobFolder blobs_;
  std::optional<crypto::TrustStore> trust_;
  std::optional<oidc::Provider> sign_on_;
  std::optional<Site> site_;
};

}  // namespace aloft::server
