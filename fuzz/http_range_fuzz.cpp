// Whatever comes as a Range header, what is answered lies within the file.
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "httpd/range.hpp"

extern "C" int http_range_fuzz(const std::uint8_t* data, std::size_t size) {
  if (size < 8) return 0;
  std::uint64_t total = 0;
  std::memcpy(&total, data, sizeof total);
  const auto range = aloft::httpd::parse_range({reinterpret_cast<const char*>(data) + 8, size - 8}, total);
  if (!range || !*range) return 0;
  if ((*range)->size_bytes == 0 || (*range)->offset_bytes >= total || (*range)->size_bytes > total - (*range)->offset_bytes) std::abort();
  return 0;
}
