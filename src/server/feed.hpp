// All changes of the fleet, for those who watch: server-sent events (WHATWG HTML, section 9.2). What happens quickly one after the other is
// told once. On the loop's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "httpd/bell.hpp"
#include "httpd/router.hpp"
#include "server/changes.hpp"
#include "server/operator_access.hpp"

namespace aloft::server {

inline constexpr std::size_t kMaxRememberedChanges = 8192;

class Feed {
 public:
  // Both outlive it.
  Feed(OperatorAccess& access, Changes& changes);
  void add_routes(httpd::Router& router);

 private:
  struct Change {
    std::uint64_t id;
    std::string event;
    std::string data;
  };
  class Stream;
  void add(std::string event, std::string text);
  httpd::Awaitable<Result<httpd::Response>> watch(httpd::Request& request);
  // The changes behind `after`, which moves on; "reset" when some of them are forgotten.
  std::string since(std::uint64_t& after) const;

  OperatorAccess& access_;
  std::deque<Change> changes_;
  std::uint64_t last_;   // ids begin at the time of the start, so that those of an earlier run are known as such
  std::uint64_t floor_;  // what came up to here is forgotten
  httpd::Bell bell_;
};

}  // namespace aloft::server
