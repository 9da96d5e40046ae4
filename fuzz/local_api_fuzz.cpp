#include <cstdlib>

#include "agent/local_api.hpp"

extern "C" int local_api_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft::agent;
  const auto request = parse_local_request({reinterpret_cast<const char*>(data), size});
  if (!request) return 0;
  // What was understood is understood again in our own words.
  const std::string line = request_line(*request);
  const auto again = parse_local_request(std::string_view(line).substr(0, line.size() - 1));
  if (!again || again->verb != request->verb || again->defer_for != request->defer_for) std::abort();
  return 0;
}
