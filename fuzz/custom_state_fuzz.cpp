// What a custom boot executable answers.
#include "boot/custom.hpp"

extern "C" int custom_state_fuzz(const std::uint8_t* data, std::size_t size) {
  const auto state = aloft::boot::parse_custom_state({reinterpret_cast<const char*>(data), size}, {"A", "B"});
  if (state && state->boot.order.size() != 2) __builtin_trap();
  return 0;
}
