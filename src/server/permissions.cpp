#include "server/permissions.hpp"

namespace aloft::server {
namespace {

using fleet::Role;

enum class Looking : std::uint8_t { any_role, same };  // GET needs no more than any role, or the row's role too
struct Row {
  std::string_view begin;
  std::string_view end;
  Role role;
  Looking looking;
};

// The first that fits counts.
// clang-format off
constexpr Row kRows[] = {
    {"/api/v1/users",           "",          Role::admin,    Looking::same},
    {"/api/v1/audit",           "",          Role::admin,    Looking::same},
    {"/api/v1/ddi/gateways",    "",          Role::admin,    Looking::any_role},   // who acts for any device
    {"/api/v1/ddi/authorities", "",          Role::admin,    Looking::any_role},   // who says which device it is
    {"/api/v1/ddi/settings",    "",          Role::admin,    Looking::any_role},
    {"/api/v1/tenant",          "",          Role::admin,    Looking::same},       // of the server's own site
    {"/api/v1/webhooks",        "",          Role::admin,    Looking::same},
    {"/api/v1/setup",           "",          Role::viewer,   Looking::any_role},   // these before anybody is known
    {"/api/v1/login",           "",          Role::viewer,   Looking::any_role},
    {"/api/v1/sso",             "",          Role::viewer,   Looking::any_role},
    {"/api/v1/logout",          "",          Role::viewer,   Looking::any_role},
    {"/api/v1/session",         "",          Role::viewer,   Looking::any_role},   // with the password
    {"/api/v1/tokens",          "",          Role::viewer,   Looking::any_role},   // one's own
    {"/api/v1/filter-check",    "",          Role::viewer,   Looking::any_role},
    {"/api/v1/rollout-preview", "",          Role::viewer,   Looking::any_role},
    {"/api/v1/releases",        "",          Role::releaser, Looking::any_role},
    {"/api/v1/deltas",          "",          Role::releaser, Looking::any_role},
    {"/api/v1/rollouts/",       "/approve",  Role::approver, Looking::any_role},
};
// clang-format on

bool only_looks(httpd::Method method) { return method == httpd::Method::get || method == httpd::Method::head; }

}  // namespace

Role role_for(httpd::Method method, std::string_view pattern) {
  for (const Row& row : kRows)
    if (pattern.starts_with(row.begin) && pattern.ends_with(row.end))
      return only_looks(method) && row.looking == Looking::any_role ? Role::viewer : row.role;
  if (only_looks(method)) return Role::viewer;
  if (pattern.starts_with("/api/v1/rollouts/") && pattern.ends_with("/deny")) return Role::approver;
  return Role::operate;
}

bool is_audited(httpd::Method method, std::string_view pattern) {
  return !only_looks(method) && pattern.starts_with("/api/v1/") && pattern != "/api/v1/filter-check" &&
         pattern != "/api/v1/rollout-preview";
}

}  // namespace aloft::server
