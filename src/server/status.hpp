// Which HTTP status an error is answered with.
#pragma once

#include "base/result.hpp"

namespace aloft::server {

unsigned status_of(const Error& error);

}  // namespace aloft::server
