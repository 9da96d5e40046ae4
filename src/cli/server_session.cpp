#include "cli/server_session.hpp"

#include "base/errors.hpp"

namespace aloft::cli {
namespace {

constexpr std::uint64_t kMaxAnswerBytes = 16U << 20;

Result<Json> json_of(const net::Response& response, const std::string& path) {
  if (response.body.empty()) return Json::object();
  auto json = parse_json(response.body);
  if (!json) return fail(std::move(json).error().within("the server's answer to " + path));
  return json;
}

// What somebody typed may be no UTF-8.
std::string body_text(const Json& body) { return body.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

Result<ServerSession> ServerSession::open(Credentials credentials) {
  net::TlsOptions tls;
  if (credentials.certificate) tls.trust = net::PinnedCertificate{*credentials.certificate};
  auto http = TRY(net::HttpClient::create(std::move(tls)));
  return ServerSession(std::move(credentials), std::move(http));
}

Result<ServerSession> ServerSession::open_saved() { return open(TRY(load_credentials())); }

Result<net::Response> ServerSession::send(net::Request request, const std::string& path) {
  request.url = credentials_.server + path;
  request.max_body_bytes = kMaxAnswerBytes;
  request.headers.push_back({"User-Agent", "aloft"});
  if (!credentials_.token.empty()) request.headers.push_back({"Authorization", "Bearer " + credentials_.token});
  return net::expect_success(TRY(http_->send(request)), request.url);
}

Result<Json> ServerSession::get(const std::string& path) { return json_of(TRY(send({}, path)), path); }

Result<Json> ServerSession::post(const std::string& path, const Json& body) {
  return json_of(TRY(send({.method = "POST", .headers = {{"Content-Type", "application/json"}}, .body = body_text(body)}, path)), path);
}

Result<Json> ServerSession::put(const std::string& path, const Json& body) {
  return json_of(TRY(send({.method = "PUT", .headers = {{"Content-Type", "application/json"}}, .body = body_text(body)}, path)), path);
}

Result<> ServerSession::order(const std::string& path, const Json& body) {
  TRY(send({.method = "POST", .headers = {{"Content-Type", "application/json"}}, .body = body_text(body)}, path));
  return {};
}

Result<> ServerSession::remove(const std::string& path) {
  TRY(send({.method = "DELETE"}, path));
  return {};
}

Result<std::vector<Json>> ServerSession::list(const Listing& listing, std::size_t limit) {
  std::vector<Json> all;
  std::string more;
  const char joint = listing.path.contains('?') ? '&' : '?';
  while (all.size() < limit) {
    const Json page = TRY(get(listing.path + joint + "limit=" + std::to_string(std::min<std::size_t>(limit - all.size(), 1000)) + more));
    JsonObject object = TRY(JsonObject::of(page, "answer"));
    const Json* elements = TRY(object.array(listing.list.c_str(), 1000));
    all.insert(all.end(), elements->begin(), elements->end());
    const auto next = page.find(listing.next);
    if (next == page.end() || elements->empty()) break;
    more = "&" + listing.parameter + "=" + url_part(next->is_string() ? next->get<std::string>() : next->dump());
  }
  return all;
}

std::string url_part(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    if (kPlain.contains(c)) {
      encoded += c;
    } else {
      encoded += "%" + to_hex(as_bytes({&c, 1}));
    }
  }
  return encoded;
}

}  // namespace aloft::cli
