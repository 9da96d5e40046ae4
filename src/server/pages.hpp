// What browsers get: the web console.
#pragma once

#include "httpd/router.hpp"
#include "server/console_pack.hpp"

namespace aloft::server {

class Pages {
 public:
  explicit Pages(ConsolePack pack) : pack_(std::move(pack)) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  // Every page is the same document, whose script looks at the address.
  Answer page(httpd::Request& request);
  Answer asset(httpd::Request& request);
  // The same document, which finds no page at the address and says so; its status does, too.
  Answer nowhere(httpd::Request& request);
  ConsolePack pack_;
};

}  // namespace aloft::server
