#include "server/tenant_site.hpp"

#include "base/log.hpp"
#include "oidc/errors.hpp"
#include "server/identity.hpp"

namespace aloft::server {

void TenantSite::open_sign_on(const std::filesystem::path& folder, const std::string& url, Clock& clock) {
  if (tenant_.sign_on == 0) return;
  Result<oidc::Settings> settings = oidc::load_settings(TenantFolder::sign_on_in(folder));
  if (settings && !url.starts_with("https://")) settings = fail(oidc::kSignOnOff, "the server's address does not begin with https://");
  if (settings) {
    sign_on_.emplace(*settings, callback_address(url), clock, oidc::Provider::over_tls(*settings));
  } else {
    log::error("tenant " + tenant_.name + ": nobody signs in at its identity provider: " + settings.error().text());
  }
}

Result<std::shared_ptr<TenantSite>> TenantSite::open(const Ground& base, const std::filesystem::path& folder, const Tenant& tenant,
                                                     const std::string& url, ConsolePack console) {
  auto store = TRY(fleet::SqliteStore::open(folder / "fleet.db"));
  std::shared_ptr<TenantSite> made(new TenantSite(tenant, std::move(store), TRY(fleet::BlobFolder::open(folder))));
  std::error_code problem;
  if (std::filesystem::exists(folder / "trust", problem)) made->trust_ = TRY(crypto::TrustStore::load(folder / "trust"));
  made->open_sign_on(folder, url, base.clock);
  const Ground ground{.loop = base.loop,
                      .passwords = base.passwords,
                      .bench = base.bench,
                      .store = *made->store_,
                      .blobs = made->blobs_,
                      .trust = made->trust_ ? &*made->trust_ : base.trust,
                      .tls = base.tls,
                      .clock = base.clock,
                      .random = base.random,
                      .url = {},  // devices reach it in more than one way
                      .address = url,
                      .webhook_targets = base.webhook_targets,
                      .deltas = base.deltas,
                      .tenancy = {.name = tenant.name, .alone = false},
                      .sign_on = made->sign_on_ ? &*made->sign_on_ : nullptr};
  made->site_.emplace(ground, TRY(token_secret(*made->store_, base.random)), std::nullopt, std::move(console));
  TRY(made->site_->load());
  return made;
}

}  // namespace aloft::server
