// What tenants may be called, and what a request's header Host says.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aloft::server {

inline constexpr std::size_t kMaxTenantNameBytes = 40;

// A name is one label of a host name (RFC 1123, section 2.1) in lower case: 1 to 40 of a-z, 0-9 and "-", which does not stand at an end;
// not "default", which is the server's own site. Errors: kTenantName.
Result<> check_tenant_name(std::string_view name);

// A whole host name, in lower case, without port and final dot: labels as above of up to 63, 253 bytes in all. Errors: kTenantHost.
Result<> check_host_name(std::string_view host);

// "Acme.Updates.Example.:8443" is "acme.updates.example"; "[::1]:8443" is "[::1]". Never fails: what is no host's name fits no site.
std::string host_of(std::string_view header);

// The first part of HOST when it is "FIRST.DOMAIN", whatever FIRST is; else empty. domain must not be empty.
std::string_view label_under(std::string_view host, std::string_view domain);

}  // namespace aloft::server
