// Addresses that people give a server to call, and those that names lead to.
#include <arpa/inet.h>

#include <cstring>
#include <string>

#include "cli/credentials.hpp"
#include "net/public_address.hpp"
#include "net/web_address.hpp"
#include "require.hpp"
#include "server/webhook_api.hpp"

namespace {

using namespace aloft;

bool is_public(const in_addr& v4) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr = v4;
  return net::is_public(reinterpret_cast<const sockaddr&>(address));
}

bool is_public(const in6_addr& v6) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = v6;
  return net::is_public(reinterpret_cast<const sockaddr&>(address));
}

// By how people write such addresses.
void check_v4(const in_addr& address) {
  char text[INET_ADDRSTRLEN];
  require(::inet_ntop(AF_INET, &address, text, sizeof text) != nullptr);
  const std::string_view shown(text);
  for (const char* inside : {"0.", "10.", "127.", "169.254.", "172.16.", "172.31.", "192.168.", "100.64.", "224.", "255."})
    if (shown.starts_with(inside)) require(!is_public(address));
}

void check_v6(const in6_addr& address) {
  if (!is_public(address)) return;
  require(IN6_IS_ADDR_V4MAPPED(&address) == 0 && IN6_IS_ADDR_LOOPBACK(&address) == 0 && IN6_IS_ADDR_LINKLOCAL(&address) == 0);
  require(IN6_IS_ADDR_MULTICAST(&address) == 0 && IN6_IS_ADDR_UNSPECIFIED(&address) == 0);
  require((address.s6_addr[0] & 0xfe) != 0xfc);  // unique local
}

}  // namespace

extern "C" int web_address_fuzz(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (server::check_webhook_url(text)) {
    // Who calls it later finds one host in it, the same that was looked at, and no password.
    const std::string origin = net::origin_of(text);
    require(!origin.empty() && !origin.contains('@') && net::origin_of(origin) == origin);
  }
  if (const auto address = cli::server_address(text)) require(cli::server_address(*address).value() == *address);
  const std::string segment = net::path_segment(text);
  require(segment.find_first_of(std::string_view("/?#\r\n \0", 7)) == std::string::npos);
  in_addr v4{};
  in6_addr v6{};
  if (size >= sizeof v4) std::memcpy(&v4, data, sizeof v4);
  if (size >= sizeof v6) std::memcpy(&v6, data, sizeof v6);
  check_v4(v4);
  check_v6(v6);
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) check_v4(v4);
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) check_v6(v6);
  return 0;
}
