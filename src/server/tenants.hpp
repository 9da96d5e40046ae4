// The tenants that a server serves beside its own site: opened and ended as their folder says, and found for each request.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "httpd/sites.hpp"
#include "httpd/tasks.hpp"
#include "httpd/workers.hpp"
#include "server/tenant_folder.hpp"
#include "server/tenant_site.hpp"

namespace aloft::server {

// On the loop's thread. Without a domain there are none: every request is for the own site.
class Tenants final : public httpd::Sites {
 public:
  // How a tenant does.
  struct Standing {
    enum class State : std::uint8_t { running, starting, suspended, failed };
    Tenant tenant;
    std::string url;
    State state;
    std::string problem;                   // why it failed
    std::optional<Site::Summary> summary;  // of one that runs
  };

  // base: of the own site, which outlives it. domain: NAME.DOMAIN is tenant NAME; may be empty. depart: ends what waits for a site's
  // answer.
  Tenants(const Ground& base, const Site& own, TenantFolder folder, std::string domain, ConsolePack console,
          std::function<void(const httpd::Router*)> depart);

  // Writes down how tenants are reached, for those who make them, and opens what there is; before the first request. One that cannot be
  // opened is logged and left out; the others do not suffer from it.
  Result<> load(Reach reach);
  // Follows the folder, which it looks at every second, until stop().
  void begin_work();
  void stop();

  // By the header Host: NAME.DOMAIN or the tenant's own; at any other, by the first part of the path where the client is one of hawkBit's
  // protocol; else the own site. Errors: kNoSuchSite, the same for tenants that are not there and those that are not served.
  Result<std::shared_ptr<const httpd::Router>> router_for(const httpd::Request& request) const override;
  // A tenant's host: of the tenant's authorities. Any other, where tenants are told by the path, too: of anybody's, without their names,
  // once a tenant has some; else of the own site's.
  std::optional<std::span<const crypto::Certificate>> asks(std::string_view host) const override;
  bool asks_some() const override { return own_.authorities().all() != nullptr || a_tenant_asks(); }
  unsigned error_status(const Error& error) const override { return own_.router().error_status(error); }

  const TenantFolder& folder() const { return folder_; }
  const Reach& reach() const { return reach_; }
  bool on() const { return !reach_.domain.empty(); }
  std::vector<Standing> standing() const;
  httpd::Workers& keeper() { return keeper_; }  // one thread, for changes to the folder
  // Once it has followed what the folder says now; after 30 s in any case.
  httpd::Awaitable<void> follow_now();
  // Ends the tenant's site and keeps it so until let_go(): once nothing uses its folder any more, or after 20 s.
  httpd::Awaitable<void> hold(std::string name);
  void let_go(const std::string& name) { held_.erase(name); }

 private:
  struct Known {
    Tenant tenant;
    std::shared_ptr<TenantSite> running;
    std::string problem;
    std::chrono::steady_clock::time_point retry{};
  };
  struct Retired {
    std::shared_ptr<TenantSite> site;
    std::chrono::steady_clock::time_point since;
  };
  httpd::Awaitable<void> follow_until_stopped();
  httpd::Awaitable<void> follow();
  httpd::Awaitable<void> start(std::string name);
  Result<std::shared_ptr<TenantSite>> open(const Tenant& tenant) const;
  void take(Known& known, Result<std::shared_ptr<TenantSite>> opened);
  bool wanted(const Tenant& tenant) const { return !tenant.suspended && !held_.contains(tenant.name); }
  void retire(Known& known);
  void reap();
  bool is_retiring(const std::string& name);  // something uses a former site of it still; for 20 s at most
  // The tenant whose host it is, there or not; empty: the own site, or a tenant that the path tells.
  std::string_view tenant_at(const std::string& host) const;
  bool a_tenant_asks() const;
  const TenantSite* running(std::string_view name) const;

  const Ground base_;
  const Site& own_;
  const std::shared_ptr<const httpd::Router> own_router_;  // owns nothing
  const TenantFolder folder_;
  Reach reach_;
  const ConsolePack console_;
  const std::function<void(const httpd::Router*)> depart_;
  httpd::Tasks tasks_;
  httpd::Sleeper sleeper_;
  httpd::Bell followed_;
  std::uint64_t rounds_begun_ = 0;
  std::uint64_t rounds_done_ = 0;
  httpd::Workers keeper_{1};
  httpd::Workers opener_{1};
  std::map<std::string, Known, std::less<>> known_;
  std::map<std::string, std::string, std::less<>> hosts_;  // own hosts of tenants, whether they run or not
  std::vector<Retired> retired_;                           // until nothing uses them
  std::set<std::string, std::less<>> held_;
  bool stopping_ = false;
};

std::string_view to_string(Tenants::Standing::State state);

}  // namespace aloft::server
