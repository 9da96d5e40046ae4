// What a user may do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aloft::fleet {

enum class Role : std::uint8_t {
  viewer = 1,    // look at everything but users and the audit log
  operate = 2,   // devices, groups, deployments, rollouts: "operator"
  releaser = 4,  // upload and delete releases
  approver = 8,  // approve and deny rollouts
  admin = 16,    // all of it, and users, and the audit log
};
// A set of them, by their bits; never empty for a user.
using Roles = std::uint8_t;

// Whoever has any role may look; an admin may do everything.
bool allows(Roles have, Role needed);
std::string_view to_string(Role role);
std::vector<std::string> role_names(Roles roles);
// Errors: kBadRoles.
Result<Roles> roles_of(const std::vector<std::string>& names);

}  // namespace aloft::fleet
