// Whose code an image has.
#pragma once

#include <functional>

#include "base/bytes.hpp"
#include "delta/difference_model.hpp"

namespace aloft::delta {

// That of more than half of the programs, libraries and kernels in the image; x86 where there is none. `relax` is called every kRelaxEvery
// bytes.
Processor processor_of(ByteView image, const std::function<void()>& relax);

}  // namespace aloft::delta
