// Whatever comes as a request's target is refused or taken apart into parts that are safe to use as names.
#include <cstdlib>
#include <string_view>

#include "httpd/target.hpp"

extern "C" int http_target_fuzz(const std::uint8_t* data, std::size_t size) {
  const auto target = aloft::httpd::parse_target({reinterpret_cast<const char*>(data), size});
  if (!target) return 0;
  for (const std::string& segment : target->segments) {
    if (segment.empty() || segment == "." || segment == "..") std::abort();
    if (segment.find_first_of(std::string_view("/\\\0\r\n", 5)) != std::string::npos) std::abort();
  }
  if (target->segments.size() > aloft::httpd::kMaxSegments || target->query.size() > aloft::httpd::kMaxQueryMembers) std::abort();
  return 0;
}
