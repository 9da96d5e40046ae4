#include "httpd/router.hpp"

#include <algorithm>
#include <set>

#include "httpd/errors.hpp"

namespace aloft::httpd {
namespace {

bool is_parameter(const std::string& segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }

unsigned own_status(std::uint16_t number) {
  switch (number) {
    case kBadRequest.number: return 400;
    case kNoSuchPath.number: return 404;
    case kMethodNotAllowed.number: return 405;
    case kRequestTooLarge.number: return 413;
    case kHeaderTooLarge.number: return 431;
    case kTooSlow.number: return 408;
    case kBadRange.number: return 416;
    case kLengthRequired.number: return 411;
    case kHandlerFailed.number: return 500;
    case kServerFull.number: return 503;
    default: return 0;
  }
}

}  // namespace

void Router::add(Route route) {
  Pattern pattern;
  std::size_t at = 1;
  while (at < route.pattern.size()) {
    const std::size_t end = std::min(route.pattern.find('/', at), route.pattern.size());
    pattern.segments.push_back(route.pattern.substr(at, end - at));
    at = end + 1;
  }
  if (wrap_) route.handler = wrap_(route);
  if (std::ranges::none_of(pattern.segments, is_parameter)) whole_.emplace(route.pattern, routes_.size());
  patterns_.push_back(std::move(pattern));
  routes_.push_back(std::move(route));
}

void Router::set_fallback(std::function<bool(const Request&)> takes, Handler handler) {
  falls_back_ = std::move(takes);
  fallback_ = {.method = Method::get, .pattern = {}, .handler = std::move(handler)};
}

bool Router::matches(const Pattern& pattern, const Target& target) const {
  return std::ranges::equal(pattern.segments, target.segments, [](const std::string& expected, const std::string& given) {
    return is_parameter(expected) || expected == given;
  });
}

const Route* Router::found(std::size_t at, Request& request) const {
  request.pattern = routes_[at].pattern;
  return &routes_[at];
}

Result<const Route*> Router::find(Request& request) const {
  request.pattern = {};
  const Method method = request.method == Method::head ? Method::get : request.method;
  const auto [first, last] = whole_.equal_range(request.target.path);
  for (auto at = first; at != last; ++at)
    if (routes_[at->second].method == method) return found(at->second, request);
  bool path_known = false;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!matches(patterns_[i], request.target)) continue;
    path_known = true;
    if (routes_[i].method != method) continue;
    for (std::size_t s = 0; s < patterns_[i].segments.size(); ++s) {
      const std::string& segment = patterns_[i].segments[s];
      if (is_parameter(segment)) request.parameters[segment.substr(1, segment.size() - 2)] = request.target.segments[s];
    }
    return found(i, request);
  }
  if (path_known)
    return fail(kMethodNotAllowed, std::string(to_string(request.method)) + " is not for this path; the Allow header names what is");
  if (falls_back_ && falls_back_(request)) return &fallback_;
  return fail(kNoSuchPath, "there is nothing at this path; docs/openapi.yaml lists what there is");
}

std::string Router::allowed(const Target& target) const {
  std::set<std::string> methods;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!matches(patterns_[i], target)) continue;
    methods.emplace(to_string(routes_[i].method));
    if (routes_[i].method == Method::get) methods.emplace("HEAD");
  }
  std::string text;
  for (const std::string& method : methods) text += (text.empty() ? "" : ", ") + method;
  return text;
}

unsigned Router::error_status(const Error& error) const {
  const unsigned own = own_status(error.code.number);
  return own != 0 ? own : error_status_(error);
}

}  // namespace aloft::httpd
