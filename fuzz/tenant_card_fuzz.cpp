// What stands in a tenant's folder about it, and how a server's tenants are reached: what is read is written so that it reads the same
// again.
#include <string_view>

#include "require.hpp"
#include "server/tenant_folder.hpp"

extern "C" int tenant_card_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft::server;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto tenant = parse_card(text)) {
    const auto again = parse_card(card_of(*tenant));
    require(again && again->host == tenant->host && again->created_ms == tenant->created_ms && again->limits == tenant->limits);
  }
  if (const auto reach = parse_reach(text)) require(parse_reach(to_text(*reach)).value() == *reach);
  return 0;
}
