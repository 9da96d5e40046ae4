// One operator watching one deployment: server-sent events (WHATWG HTML, section 9.2).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "httpd/bell.hpp"
#include "server/roster.hpp"

namespace aloft::server {

class EventStream {
 public:
  // after: the last transition that the operator has seen. departure: of the request, which outlives the stream. still_may: whether the
  // operator may still watch; asked before each piece.
  EventStream(fleet::Store& store, Roster& roster, httpd::Bell& departure, std::function<bool()> still_may, std::uint64_t deployment,
              std::uint64_t after)
      : store_(store),
        bell_(roster.deployment_bell(deployment)),
        departure_(departure),
        still_may_(std::move(still_may)),
        deployment_(deployment),
        after_(after) {}
  // The next piece of the stream; nothing when it has ended.
  httpd::Awaitable<std::optional<std::string>> next();

 private:
  // What has happened since the last piece; empty: nothing yet.
  Result<std::string> news();
  fleet::Store& store_;
  std::shared_ptr<httpd::Bell> bell_;
  httpd::Bell& departure_;
  std::function<bool()> still_may_;
  std::uint64_t deployment_;
  std::uint64_t after_;
  bool ended_ = false;
};

}  // namespace aloft::server
