// The few pages that the server carries: what this is, and the first start's set-up.
#pragma once

#include "httpd/router.hpp"

namespace aloft::server {

void add_pages(httpd::Router& router);

}  // namespace aloft::server
