// Body of fleet::wait, see store.hpp.
#pragma once

#include <future>

#include "base/result.hpp"

namespace aloft::fleet {

template <typename T, typename Start>
Result<T> wait(Start start) {
  std::promise<Result<T>> promise;
  start([&promise](Result<T> result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

}  // namespace aloft::fleet
