// Which site a request is for, when one server has several.
#pragma once

#include <memory>

#include "httpd/router.hpp"

namespace aloft::httpd {

// On the loop's thread.
class Sites {
 public:
  virtual ~Sites() = default;
  // The router of the site, which stays for as long as the pointer is held. Asked once a request's header is there; an error is the answer.
  virtual Result<std::shared_ptr<const Router>> router_for(const Request& request) const = 0;
  // The HTTP status of an error, of whatever site.
  virtual unsigned error_status(const Error& error) const = 0;
};

}  // namespace aloft::httpd
