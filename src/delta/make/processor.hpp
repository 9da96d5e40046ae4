// Whose code an image has.
#pragma once

#include <functional>

#include "base/bytes.hpp"
#include "delta/difference_model.hpp"

namespace aloft::delta {

// arm64 where more programs, libraries and kernels in the image are of it than of others. `relax` is called every kRelaxEvery bytes.
Processor processor_of(ByteView image, const std::function<void()>& relax);

}  // namespace aloft::delta
