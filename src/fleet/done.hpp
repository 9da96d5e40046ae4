// How a write to a store tells its outcome.
#pragma once

#include <functional>

#include "base/result.hpp"

namespace aloft::fleet {

template <typename T = void>
using Done = std::function<void(Result<T>)>;

}  // namespace aloft::fleet
