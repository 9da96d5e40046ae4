// Whether what is fetched goes over a link that costs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aloft::agent {

// The interfaces of the default routes with the lowest metric, of each of the two protocols; from the texts of /proc/net/route and
// /proc/net/ipv6_route (proc(5)). Lines that are not as described there are passed over.
std::vector<std::string> default_interfaces(std::string_view route, std::string_view ipv6_route);

// The first of these interfaces that one of the patterns, as a shell has them ("wwan*"), names; empty: none.
std::string metered_among(const std::vector<std::string>& interfaces, const std::vector<std::string>& patterns);

}  // namespace aloft::agent
