// Which addresses belong to the public internet: what a server may call on somebody's word without becoming a way into its own network.
#pragma once

struct sockaddr;

namespace aloft::net {

// False for loopback, private, link-local (where clouds keep credentials), shared, multicast, reserved and documentation addresses, for
// IPv6 addresses that carry an IPv4 one (mapped, NAT64, 6to4, Teredo), and for everything that is not IP. By IANA's special-purpose
// registries (RFC 6890 and its updates).
bool is_public(const sockaddr& address);

}  // namespace aloft::net
