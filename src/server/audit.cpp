#include "server/audit.hpp"

#include "base/log.hpp"
#include "httpd/elsewhere.hpp"
#include "server/permissions.hpp"

namespace aloft::server {
namespace {

// What may be kept of a body: nothing that is a secret, nothing that is not JSON.
std::string detail_of(const httpd::Request& request) {
  if (request.body.empty() || request.body.size() > 256 * 1024) return {};
  Result<Json> json = parse_json(request.body);
  if (!json || !json->is_object()) return {};
  for (const char* secret : {"password", "old_password", "token"}) json->erase(secret);
  if (const auto pem = json->find("pem");
      pem != json->end() && pem->is_string() && pem->get_ref<const std::string&>().contains("PRIVATE KEY"))
    json->erase(pem);  // given by mistake, and refused
  std::string text = json->empty() ? "" : json->dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kMaxAuditDetailBytes) text = text.substr(0, kMaxAuditDetailBytes) + "...";
  return text;
}

}  // namespace

fleet::AuditEntry Audit::entry_of(const httpd::Request& request) const {
  const Result<fleet::AccessToken> token = access_.identify(request);
  return {.time_ms = access_.now_ms(),
          .user = token ? token->user : "",
          .peer = request.peer,
          .method = std::string(httpd::to_string(request.method)),
          .path = request.target.path,
          .detail = detail_of(request)};
}

httpd::Handler Audit::around(const httpd::Route& route) {
  if (!is_audited(route.method, route.pattern)) return route.handler;
  handlers_.push_back(route.handler);
  return [this, &handler = handlers_.back()](httpd::Request& request) { return run(handler, request); };
}

Audit::Answer Audit::run(const httpd::Handler& handler, httpd::Request& request) {
  const fleet::AuditEntry entry = entry_of(request);
  const bool signs_in = request.pattern == "/api/v1/login" || request.pattern == "/api/v1/setup";
  // Strangers are refused by the handler; they must not fill the log.
  if (entry.user.empty() && !signs_in) co_return co_await handler(request);
  auto begin = [&](auto done) { store_.begin_audit(entry, done); };
  const Result<std::uint64_t> id = co_await httpd::delivered<Result<std::uint64_t>>(begin);
  if (!id) co_return std::unexpected(id.error());
  Result<httpd::Response> answer = co_await handler(request);
  const std::uint64_t status = answer ? answer->status : status_(answer.error());
  const std::uint64_t error = answer ? 0 : answer.error().code.number;
  auto end = [&](auto done) { store_.end_audit(*id, status, error, done); };
  const Result<> ended = co_await httpd::delivered<Result<>>(end);
  if (!ended) log::warning("how a change ended could not be written to the audit log: " + ended.error().text());
  co_return answer;
}

}  // namespace aloft::server
