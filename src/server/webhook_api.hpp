// Webhooks, for administrators.
#pragma once

#include "base/random.hpp"
#include "fleet/store.hpp"
#include "httpd/router.hpp"
#include "server/operator_access.hpp"
#include "server/webhooks.hpp"

namespace aloft::server {

class WebhookApi {
 public:
  // All references outlive it.
  WebhookApi(fleet::Store& store, OperatorAccess& access, Webhooks& webhooks, Random& random)
      : store_(store), access_(access), webhooks_(webhooks), random_(random) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer list(httpd::Request& request);
  Answer create(httpd::Request& request);
  Answer change(httpd::Request& request);
  Answer remove(httpd::Request& request);
  Answer list_deliveries(httpd::Request& request);
  Result<fleet::Webhook> read_new(const httpd::Request& request);
  Result<fleet::WebhookChange> read_change(const httpd::Request& request);

  fleet::Store& store_;
  OperatorAccess& access_;
  Webhooks& webhooks_;
  Random& random_;
};

// http or https, with a host, without user, password or fragment. Errors: kBadWebhook.
Result<> check_webhook_url(const std::string& url);

}  // namespace aloft::server
