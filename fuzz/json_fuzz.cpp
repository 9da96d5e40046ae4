#include <cstdlib>

#include "base/json.hpp"

extern "C" int json_fuzz(const std::uint8_t* data, std::size_t size) {
  const auto value = aloft::parse_json({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  // What was accepted is written and read again as the same value.
  const auto again = aloft::parse_json(value->dump());
  if (!again || *again != *value) std::abort();
  return 0;
}
