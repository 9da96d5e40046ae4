#include "net/public_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace aloft::net {
namespace {

struct Block {
  std::uint32_t network;
  unsigned bits;
};
constexpr std::uint32_t ip(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) { return a << 24 | b << 16 | c << 8 | d; }
constexpr std::array<Block, 16> kSpecial{{{ip(0, 0, 0, 0), 8},
                                          {ip(10, 0, 0, 0), 8},
                                          {ip(100, 64, 0, 0), 10},
                                          {ip(127, 0, 0, 0), 8},
                                          {ip(169, 254, 0, 0), 16},
                                          {ip(172, 16, 0, 0), 12},
                                          {ip(192, 0, 0, 0), 24},
                                          {ip(192, 0, 2, 0), 24},
                                          {ip(192, 31, 196, 0), 24},
                                          {ip(192, 88, 99, 0), 24},
                                          {ip(192, 168, 0, 0), 16},
                                          {ip(198, 18, 0, 0), 15},
                                          {ip(198, 51, 100, 0), 24},
                                          {ip(203, 0, 113, 0), 24},
                                          {ip(224, 0, 0, 0), 4},
                                          {ip(240, 0, 0, 0), 4}}};

bool is_public_v4(std::uint32_t address) {
  return std::ranges::none_of(kSpecial, [address](const Block& block) { return (address ^ block.network) >> (32 - block.bits) == 0; });
}

// Global unicast is 2000::/3; within it 2001::/23 (Teredo, ORCHID and the like), 2001:db8::/32, 2002::/16 (6to4) and 3fff::/20 are special.
bool is_public_v6(const std::uint8_t* bytes) {
  const unsigned first = static_cast<unsigned>(bytes[0]) << 8 | bytes[1];
  const unsigned second = static_cast<unsigned>(bytes[2]) << 8 | bytes[3];
  if (bytes[0] >> 5 != 1) return false;
  if (first == 0x2001 && (second < 0x200 || second == 0xdb8)) return false;
  return first != 0x2002 && !(first == 0x3fff && second < 0x1000);
}

}  // namespace

bool is_public(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return is_public_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  return is_public_v6(v6.sin6_addr.s6_addr);
}

}  // namespace aloft::net
