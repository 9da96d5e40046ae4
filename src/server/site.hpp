// The parts of a running server, put together.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "crypto/trust.hpp"
#include "fleet/blob_folder.hpp"
#include "fleet/store.hpp"
#include "httpd/tasks.hpp"
#include "httpd/tls.hpp"
#include "server/audit.hpp"
#include "server/changes.hpp"
#include "server/ddi_admin_api.hpp"
#include "server/ddi_api.hpp"
#include "server/ddi_authority_api.hpp"
#include "server/ddi_confirm_api.hpp"
#include "server/ddi_data_api.hpp"
#include "server/delta_api.hpp"
#include "server/delta_shelf.hpp"
#include "server/delta_workshop.hpp"
#include "server/deployment_api.hpp"
#include "server/device_admin_api.hpp"
#include "server/device_api.hpp"
#include "server/feed.hpp"
#include "server/group_api.hpp"
#include "server/health_api.hpp"
#include "server/pages.hpp"
#include "server/quota_api.hpp"
#include "server/release_api.hpp"
#include "server/rollout_api.hpp"
#include "server/rollouts.hpp"
#include "server/service_api.hpp"
#include "server/session_api.hpp"
#include "server/sign_on_api.hpp"
#include "server/user_api.hpp"
#include "server/webhook_api.hpp"

namespace aloft::server {

// What the site stands on; all of it outlives the site.
struct Ground {
  boost::asio::io_context& loop;
  httpd::Workers& passwords;  // one thread
  httpd::Workers& bench;      // one thread, for deltas
  fleet::Store& store;
  const fleet::BlobFolder& blobs;
  const crypto::TrustStore* trust;  // may be null
  const httpd::TlsContext* tls;     // may be null
  Clock& clock;
  Random& random;
  std::string url = {};      // as devices reach the server; empty: as they say in each request
  std::string address = {};  // as told to those who enrol devices; may be empty
  WebhookTargets webhook_targets = WebhookTargets::public_only;
  DeltaSettings deltas = {};
  DdiTenancy tenancy = {};
  std::string client_authorities = {};     // PEM; besides those that are set on the site
  ServiceApi::ReadCounters counters = {};  // of the whole server, for the site that shows them
  oidc::Provider* sign_on = nullptr;       // null: nobody signs in at an identity provider
};

class Site {
 public:
  // setup_secret: of the one-time link, while there is no user.
  Site(const Ground& ground, const Bytes& token_secret, std::optional<std::string> setup_secret, ConsolePack console);
  // Reads the store into memory; before the first request.
  Result<> load();
  httpd::Router& router() { return router_; }
  const httpd::Router& router() const { return router_; }
  OperatorAccess& access() { return access_; }
  const DdiAuthorities& authorities() const { return ddi_authorities_; }
  // What goes on by itself until stop(): writes down at intervals when devices were seen last, and runs the rollouts.
  void begin_work();
  // Also ends what waits for news of the site; what has begun is completed.
  void stop();
  // After stop(): nothing of the site's own goes on any more. Requests are counted by who holds its router.
  bool at_rest() const { return tasks_.running() == 0; }
  struct Summary {
    std::array<std::size_t, 3> devices;  // by fleet::DeviceStatus
    std::size_t deployments;             // unfinished
    std::size_t rollouts;                // that have not ended
    fleet::QuotaUse quotas;              // zeros when the store cannot be read
  };
  Summary summary() const;
  // From now on, for what makes something; nothing that is there is taken away.
  void set_limits(const fleet::Limits& limits) { quotas_.set(limits); }

 private:
  httpd::Awaitable<void> flush_last_seen();
  Ground ground_;
  httpd::Tasks tasks_;
  Roster roster_;
  Changes changes_;
  DeltaShelf delta_shelf_;
  httpd::Workers counter_{1};  // files come and go over it, one at a time
  OperatorAccess access_;
  Audit audit_;
  QuotaDesk quotas_;
  httpd::Router router_;
  Pages pages_;
  SignOnApi sign_on_;
  DeviceApi devices_;
  SessionApi sessions_;
  DeltaWorkshop workshop_;
  ReleaseApi releases_;
  DeltaApi deltas_;
  DeviceAdminApi device_admin_;
  DeploymentApi deployments_;
  GroupApi groups_;
  Rollouts rollouts_;
  RolloutApi rollout_api_;
  HealthApi health_api_;
  UserApi users_;
  DdiDevices ddi_devices_;
  DdiAuthorities ddi_authorities_;
  DdiAccess ddi_access_;
  DdiReports ddi_reports_;
  DdiApi ddi_;
  DdiDataApi ddi_data_;
  DdiConfirmApi ddi_confirm_;
  DdiAdminApi ddi_admin_;
  DdiAuthorityApi ddi_authority_api_;
  Webhooks webhooks_;
  WebhookApi webhook_api_;
  Feed feed_;
  QuotaApi quota_api_;
  ServiceApi service_;
  httpd::Sleeper flusher_;
  bool stopping_ = false;
};

}  // namespace aloft::server
