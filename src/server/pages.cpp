#include "server/pages.hpp"

#include "base/errors.hpp"

namespace aloft::server {
namespace {

using httpd::Method;
using httpd::Request;
using httpd::Response;

// The console's pages: the same list as console/src/routes.tsx and docs/openapi.yaml.
constexpr const char* kPages[] = {
    "/",         "/setup",        "/login",         "/devices",     "/devices/{name}",   "/groups",    "/releases", "/releases/{id}",
    "/rollouts", "/rollouts/new", "/rollouts/{id}", "/deployments", "/deployments/{id}", "/enrolment", "/hawkbit",  "/audit",
    "/settings", "/device-types", "/tenants"};

// Nothing inline, nothing from elsewhere, nowhere to send a form, in nobody's frame.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

// Whether If-None-Match names the tag (RFC 9110, section 13.1.2).
bool names_tag(std::string_view if_none_match, const std::string& tag) {
  return if_none_match == "*" || if_none_match.find(tag) != std::string_view::npos;
}

// A person's browser that was led to a page: programs do not ask for HTML, and what lies below these is theirs.
bool leads_to_page(const Request& request) {
  if (request.method != Method::get && request.method != Method::head) return false;
  const auto& segments = request.target.segments;
  const bool of_hawkbit = segments.size() > 1 && segments[1] == "controller";
  const bool of_programs = (segments.size() > 1 && segments[0] == "api") || of_hawkbit;
  return !of_programs && request.header("accept").find("text/html") != std::string_view::npos;
}

Response answer(const Request& request, const ConsolePack::File& file, unsigned status = 200) {
  const std::string_view accepted = request.header("accept-encoding");
  std::string_view encoding;
  std::string_view bytes = file.plain;
  if (!file.brotli.empty() && accepts_encoding(accepted, "br")) {
    encoding = "br";
    bytes = file.brotli;
  } else if (!file.gzip.empty()) {  // whoever says nothing takes any encoding (RFC 9110, section 12.5.3), and gzip is known everywhere
    encoding = "gzip";
    bytes = file.gzip;
  }
  const std::string tag = "\"" + file.etag + (encoding.empty() ? "" : "-") + std::string(encoding) + "\"";
  Response response{.status = status,
                    .headers = {{"Content-Type", file.type},
                                {"Content-Security-Policy", std::string(kPolicy)},
                                {"Cross-Origin-Opener-Policy", "same-origin"},
                                {"Cross-Origin-Resource-Policy", "same-origin"},
                                {"Referrer-Policy", "no-referrer"},
                                {"Cache-Control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache"},
                                {"Vary", "Accept-Encoding"},
                                {"ETag", tag}}};
  if (status == 200 && names_tag(request.header("if-none-match"), tag)) {
    response.status = 304;
    return response;
  }
  if (!encoding.empty()) response.headers.emplace_back("Content-Encoding", encoding);
  response.body = std::string(bytes);
  return response;
}

}  // namespace

void Pages::add_routes(httpd::Router& router) {
  for (const char* path : kPages) router.add({Method::get, path, [this](Request& r) { return page(r); }});
  router.add({Method::get, "/assets/{file}", [this](Request& r) { return asset(r); }});
  if (pack_.find("/index.html") != nullptr) router.set_fallback(leads_to_page, [this](Request& r) { return nowhere(r); });
}

Pages::Answer Pages::page(Request& request) {
  const ConsolePack::File* file = pack_.find("/index.html");
  if (file == nullptr) co_return fail(kNotFound, "this aloft-server was built without the web console; use the aloft program");
  co_return answer(request, *file);
}

Pages::Answer Pages::asset(Request& request) {
  const ConsolePack::File* file = pack_.find("/assets/" + request.parameters.at("file"));
  if (file == nullptr) co_return fail(kNotFound, "there is no such file; reload the page if the server has been renewed");
  co_return answer(request, *file);
}

Pages::Answer Pages::nowhere(Request& request) { co_return answer(request, *pack_.find("/index.html"), 404); }

}  // namespace aloft::server
