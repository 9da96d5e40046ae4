#include "server/operator_access.hpp"

#include <algorithm>

#include "server/errors.hpp"
#include "server/permissions.hpp"

namespace aloft::server {
namespace {

constexpr std::size_t kMaxClientBytes = 256;

std::string_view find_cookie(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    const std::string_view pair = cookies.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    while (cookies.starts_with(' ')) cookies.remove_prefix(1);
  }
  return {};
}

bool only_reads(httpd::Method method) { return method == httpd::Method::get || method == httpd::Method::head; }

fleet::Role role_needed(const httpd::Request& request) {
  // Of what stands in no table nobody knows what it does.
  return request.pattern.empty() ? fleet::Role::admin : role_for(request.method, request.pattern);
}

bool of_this_site(const httpd::Request& request) {
  const std::string_view site = request.header("sec-fetch-site");
  return site.empty() || site == "same-origin" || site == "none";
}

}  // namespace

std::string_view cookie_of(const httpd::Request& request, std::string_view name) { return find_cookie(request.header("cookie"), name); }

std::string session_cookie(std::string_view secret, std::chrono::seconds life) {
  return std::string(kSessionCookie) + "=" + std::string(secret) +
         "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(life.count());
}

fleet::AccessToken new_session(const httpd::Request& request, std::string_view secret, std::uint64_t now_ms) {
  std::string client(request.header("user-agent").substr(0, kMaxClientBytes));
  std::ranges::replace_if(client, [](char letter) { return letter < ' ' || letter > '~'; }, '?');
  return {.kind = fleet::AccessToken::Kind::session,
          .hash = hash_of(secret),
          .created_ms = now_ms,
          .expires_ms = now_ms + static_cast<std::uint64_t>(kSessionLife.count()) * 1000,
          .client = std::move(client),
          .address = request.peer,
          .used_ms = now_ms};
}

Result<fleet::AccessToken> OperatorAccess::check(const httpd::Request& request) {
  fleet::AccessToken token = TRY(identify(request));
  const fleet::Role needed = role_needed(request);
  if (fleet::allows(token.roles, needed)) return token;
  return fail(kNotPermitted, "this needs the role " + std::string(fleet::to_string(needed)) + ", which user " + token.user +
                                 " does not have; ask an administrator");
}

std::function<bool()> OperatorAccess::still_may(const httpd::Request& request, const fleet::AccessToken& token) const {
  return [this, hash = token.hash, needed = role_needed(request)] {
    const fleet::AccessToken* present = tokens_.find(hash, clock_.now());
    return present != nullptr && fleet::allows(present->roles, needed);
  };
}

Result<fleet::AccessToken> OperatorAccess::identify(const httpd::Request& request) {
  const bool by_header = !request.header("authorization").empty();
  const std::string_view secret = by_header ? bearer_of(request) : cookie_of(request, kSessionCookie);
  fleet::AccessToken token = TRY(tokens_.check(secret, clock_.now()));
  if (!by_header && !of_this_site(request)) return fail(kForeignPage, "a page of another site asked; use the console's own pages");
  if (!by_header && !only_reads(request.method) && request.header(kConsoleHeader).empty())
    return fail(kForeignPage, "a change with the session's cookie must carry the header X-Aloft-Console: 1; scripts use an API token");
  return token;
}

}  // namespace aloft::server
