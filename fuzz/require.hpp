#pragma once
#include <cstdlib>

// What holds whatever the input; where it does not, the target has found a defect and ends with a core.
inline void require(bool holds) {
  if (!holds) std::abort();
}
