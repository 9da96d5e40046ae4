// What a store keeps of people whom an identity provider vouches for: a part of the contract of store.hpp, with its rules.
#pragma once

#include <string>

#include "fleet/done.hpp"
#include "fleet/fleet.hpp"

namespace aloft::fleet {

// They have no password here, and the roles that the provider gave them when they signed in last. The last administrator is never one of
// them: a provider that is down, or gone, locks nobody out for good.
struct OutsideUser {
  std::string name;  // with a ':', which no name given here has
  std::string issuer;
  std::string display;
  Roles roles = 0;
  std::uint64_t now_ms = 0;
};

class SignOnStore {
 public:
  virtual ~SignOnStore() = default;
  // Makes the user, or brings roles and display up to date, and adds the session. If the name was another issuer's, the tokens that it had
  // end. Errors: kNotSetUp: there is no administrator with a password yet; kUserExists: the name is one with a password.
  virtual void admit_outside_user(OutsideUser user, AccessToken session, Done<AccessToken> done) = 0;
};

}  // namespace aloft::fleet
