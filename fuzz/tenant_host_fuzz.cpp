// Whatever stands in the header Host leads to the name of one tenant that could exist, or to none; never out of the tenants' folder.
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/tenant_name.hpp"

extern "C" int tenant_host_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft::server;
  const std::string host = host_of({reinterpret_cast<const char*>(data), size});
  const std::string_view label = label_under(host, "updates.example");
  if (host.size() > size || (!label.empty() && host != std::string(label) + ".updates.example")) std::abort();
  if (check_tenant_name(label) && label.find_first_of(std::string_view("/\\.\0:", 5)) != std::string_view::npos) std::abort();
  if (check_host_name(host) && host_of(host) != host) std::abort();
  return 0;
}
