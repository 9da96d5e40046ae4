#include "fleet/roles.hpp"

#include <array>

#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

struct RoleRow {
  Role role;
  std::string_view name;
};
constexpr std::array<RoleRow, 5> kRoles{{{Role::viewer, "viewer"},
                                         {Role::operate, "operator"},
                                         {Role::releaser, "releaser"},
                                         {Role::approver, "approver"},
                                         {Role::admin, "admin"}}};

bool has(Roles roles, Role role) { return (roles & static_cast<Roles>(role)) != 0; }

}  // namespace

bool allows(Roles have, Role needed) { return has(have, Role::admin) || has(have, needed) || (needed == Role::viewer && have != 0); }

std::string_view to_string(Role role) {
  for (const RoleRow& row : kRoles)
    if (row.role == role) return row.name;
  return "";
}

std::vector<std::string> role_names(Roles roles) {
  std::vector<std::string> names;
  for (const RoleRow& row : kRoles)
    if (has(roles, row.role)) names.emplace_back(row.name);
  return names;
}

Result<Roles> roles_of(const std::vector<std::string>& names) {
  Roles roles = 0;
  for (const std::string& name : names) {
    const Roles before = roles;
    for (const RoleRow& row : kRoles)
      if (row.name == name) roles = static_cast<Roles>(roles | static_cast<Roles>(row.role));
    if (roles == before) return fail(kBadRoles, "roles are viewer, operator, releaser, approver and admin, each at most once");
  }
  if (roles == 0) return fail(kBadRoles, "a user needs at least one role: viewer, operator, releaser, approver or admin");
  return roles;
}

}  // namespace aloft::fleet
