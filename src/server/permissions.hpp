// Which role a request needs: one table.
#pragma once

#include <string_view>

#include "fleet/roles.hpp"
#include "httpd/message.hpp"

namespace aloft::server {

// For patterns of the operator API as the router has them, never for addresses as they were sent: those can be written in many ways. What
// stands in no row needs the operator's role; looking needs any role.
fleet::Role role_for(httpd::Method method, std::string_view pattern);
// Whether the request changes something that people must be able to look up later.
bool is_audited(httpd::Method method, std::string_view pattern);

}  // namespace aloft::server
