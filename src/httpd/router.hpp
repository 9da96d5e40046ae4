// Which code answers which method and path.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "httpd/message.hpp"

namespace aloft::httpd {

// Runs on the loop's thread. An error becomes a response by Router::error_status.
using Handler = std::function<Awaitable<Result<Response>>(Request&)>;

enum class BodyMode : std::uint8_t { whole, stream };

struct Route {
  Method method;
  std::string pattern;  // "/api/v1/devices/{name}"
  Handler handler;
  std::uint64_t max_body_bytes = 0;
  BodyMode body = BodyMode::whole;
};

class Router {
 public:
  // error_status gives the HTTP status of an error that a handler returned.
  explicit Router(std::function<unsigned(const Error&)> error_status) : error_status_(std::move(error_status)) {}
  void add(Route route);
  // Each route that is added from now on gets the handler that `wrap` makes of it.
  void wrap_with(std::function<Handler(const Route&)> wrap) { wrap_ = std::move(wrap); }
  // For requests to paths that no route has and that `takes` is true for; the others are kNoSuchPath.
  void set_fallback(std::function<bool(const Request&)> takes, Handler handler);
  const std::vector<Route>& routes() const { return routes_; }

  // The route for the request, with its pattern and its parameters filled in. HEAD finds GET's. Errors: kNoSuchPath, kMethodNotAllowed.
  Result<const Route*> find(Request& request) const;
  // The Allow header's value for a path whose method was refused.
  std::string allowed(const Target& target) const;
  unsigned error_status(const Error& error) const;

 private:
  struct Pattern {
    std::vector<std::string> segments;
  };
  bool matches(const Pattern& pattern, const Target& target) const;
  const Route* found(std::size_t at, Request& request) const;
  std::function<unsigned(const Error&)> error_status_;
  std::function<Handler(const Route&)> wrap_;
  std::function<bool(const Request&)> falls_back_;
  Route fallback_;
  std::vector<Route> routes_;
  std::vector<Pattern> patterns_;
  std::unordered_multimap<std::string, std::size_t> whole_;  // routes without parameters, by their path
};

}  // namespace aloft::httpd
