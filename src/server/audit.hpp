// Writes down who changed what: before the change is made, and how it ended.
#pragma once

#include <deque>

#include "fleet/store.hpp"
#include "httpd/router.hpp"
#include "server/operator_access.hpp"

namespace aloft::server {

inline constexpr std::size_t kMaxAuditDetailBytes = 2048;

class Audit {
 public:
  // All references outlive it. status: of an answer that is an error.
  Audit(fleet::Store& store, OperatorAccess& access, std::function<unsigned(const Error&)> status)
      : store_(store), access_(access), status_(std::move(status)) {}
  // The handler with a record of what it does, durable before it begins. For changes of the operator API; others are as they were. Must
  // outlive the router.
  httpd::Handler around(const httpd::Route& route);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer run(const httpd::Handler& handler, httpd::Request& request);
  fleet::AuditEntry entry_of(const httpd::Request& request) const;
  fleet::Store& store_;
  OperatorAccess& access_;
  std::function<unsigned(const Error&)> status_;
  std::deque<httpd::Handler> handlers_;  // keep their places
};

}  // namespace aloft::server
