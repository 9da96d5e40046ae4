#include <cstdint>
#include <cstdlib>

#include "protocol/delta_ability.hpp"

// What a device says of the deltas that it can apply.
extern "C" int delta_ability_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft::protocol;
  const auto ability = delta_ability_of({reinterpret_cast<const char*>(data), size});
  if (!ability) return 0;
  if (delta_ability_of(to_text(*ability)).value() != *ability || !suffices(*ability, *ability)) std::abort();
  return 0;
}
