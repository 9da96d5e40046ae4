// For load balancers and monitoring: /healthz and /metrics.
#pragma once

#include <functional>

#include "base/clock.hpp"
#include "fleet/store.hpp"
#include "httpd/limits.hpp"
#include "httpd/router.hpp"
#include "server/delta_shelf.hpp"
#include "server/delta_workshop.hpp"
#include "server/quota_api.hpp"
#include "server/rollouts.hpp"
#include "server/roster.hpp"

namespace aloft::server {

class ServiceApi {
 public:
  using ReadCounters = std::function<const httpd::Counters&()>;
  // All references outlive it. counters: asked for at each scrape; empty where those of the whole server are not to be shown.
  ServiceApi(fleet::Store& store, const Roster& roster, const Rollouts& rollouts, const DeltaShelf& deltas, const DeltaWorkshop& workshop,
             const QuotaDesk& quotas, Clock& clock, ReadCounters counters)
      : store_(store),
        roster_(roster),
        rollouts_(rollouts),
        deltas_(deltas),
        workshop_(workshop),
        quotas_(quotas),
        clock_(clock),
        counters_(std::move(counters)),
        started_(clock.steady()) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer health(httpd::Request& request);
  Answer metrics(httpd::Request& request);
  void add_server(std::string& text) const;
  void add_deltas(std::string& text);
  fleet::Store& store_;
  const Roster& roster_;
  const Rollouts& rollouts_;
  const DeltaShelf& deltas_;
  const DeltaWorkshop& workshop_;
  const QuotaDesk& quotas_;
  Clock& clock_;
  ReadCounters counters_;
  SteadyTime started_;
  std::optional<SteadyTime> checked_;
  Result<> writable_;
};

}  // namespace aloft::server
