// Which site a request is for, when one server has several.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "crypto/certificate.hpp"
#include "httpd/router.hpp"

namespace aloft::httpd {

// On the loop's thread.
class Sites {
 public:
  virtual ~Sites() = default;
  // The router of the site, which stays for as long as the pointer is held. Asked once a request's header is there; an error is the answer.
  virtual Result<std::shared_ptr<const Router>> router_for(const Request& request) const = 0;
  // Whether clients that name this host in their TLS handshake ("": none) are asked for a certificate, and of which authorities; of any,
  // where none are given. What they show proves nothing before the site of a request has judged it.
  virtual std::optional<std::span<const crypto::Certificate>> asks(std::string_view host) const = 0;
  // Whether clients of any host are.
  virtual bool asks_some() const = 0;
  // The HTTP status of an error, of whatever site.
  virtual unsigned error_status(const Error& error) const = 0;
};

}  // namespace aloft::httpd
