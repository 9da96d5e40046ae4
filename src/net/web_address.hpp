// Addresses on the web, taken apart and put together (RFC 3986).
#pragma once

#include <string>
#include <string_view>

namespace aloft::net {

// Of an http or https address: scheme, host and port in lower case, the port always named; empty for what is no such address.
std::string origin_of(const std::string& address);
// As one segment of a path: what is not unreserved (section 2.3) is escaped.
std::string path_segment(std::string_view text);

}  // namespace aloft::net
