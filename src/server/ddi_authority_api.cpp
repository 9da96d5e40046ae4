#include "server/ddi_authority_api.hpp"

#include <algorithm>

#include "base/errors.hpp"
#include "base/unix_time.hpp"
#include "httpd/elsewhere.hpp"
#include "server/parameters.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::json_response;
using httpd::Method;
using httpd::Request;
using httpd::Response;

}  // namespace

void DdiAuthorityApi::add_routes(httpd::Router& router) {
  constexpr std::uint64_t kMostBytes = 2 * kMaxAuthoritiesBytes;  // each line's end is two characters in JSON
  router.add({Method::get, "/api/v1/ddi/authorities", [this](Request& r) { return show(r); }});
  router.add({Method::put, "/api/v1/ddi/authorities", [this](Request& r) { return set(r); }, kMostBytes});
  router.add({Method::del, "/api/v1/ddi/authorities", [this](Request& r) { return remove(r); }});
}

Json DdiAuthorityApi::form() const {
  Json certificates = Json::array();
  Json lists = Json::array();
  if (const crypto::ClientAuthorities* const all = authorities_.all()) {
    const std::size_t given = authorities_.given_count();
    for (const crypto::Certificate& one : all->certificates())
      certificates.push_back({{"subject", one.subject()},
                              {"sha256", one.fingerprint()},
                              {"not_after_ms", unix_ms(one.not_after())},
                              {"by_option", certificates.size() < given}});
    for (const auto& list : all->revocation_lists()) {
      Json shown{{"issuer", list.issuer}};
      if (list.next_update) shown["next_update_ms"] = unix_ms(*list.next_update);
      lists.push_back(std::move(shown));
    }
  }
  return Json{{"authorities", std::move(certificates)}, {"revocation_lists", std::move(lists)}};
}

DdiAuthorityApi::Answer DdiAuthorityApi::show(Request& request) {
  CO_TRY(operators_.check(request));
  co_return json_response(200, form());
}

httpd::Awaitable<Result<>> DdiAuthorityApi::put(std::string pem) {
  auto prepared = CO_TRY(authorities_.prepare(pem));
  std::optional<std::string> kept;
  if (!pem.empty()) kept = std::move(pem);
  auto start = [&](auto done) { store_.put_setting(kAuthoritiesSetting, std::move(kept), done); };
  const Result<> written = co_await delivered<Result<>>(start);
  if (written) authorities_.take(std::move(prepared));
  co_return written;
}

DdiAuthorityApi::Answer DdiAuthorityApi::set(Request& request) {
  CO_TRY(operators_.check(request));
  const Json json = CO_TRY(json_body(request));
  JsonObject object = CO_TRY(JsonObject::of(json, "authorities"));
  std::string pem = CO_TRY(object.text("pem", kMaxAuthoritiesBytes));
  if (pem.empty()) co_return fail(kBadJson, "authorities: \"pem\" must hold a certificate");
  const Result<> set = co_await put(std::move(pem));
  if (!set) co_return std::unexpected(set.error());
  co_return json_response(200, form());
}

DdiAuthorityApi::Answer DdiAuthorityApi::remove(Request& request) {
  CO_TRY(operators_.check(request));
  std::string none;
  const Result<> removed = co_await put(std::move(none));
  if (!removed) co_return std::unexpected(removed.error());
  co_return Response{.status = 204};
}

}  // namespace aloft::server
