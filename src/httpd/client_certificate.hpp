// What a client has shown in the TLS handshake. That it holds the certificate's key is proven; whose authorities count, and whether this
// chain leads to one of them, is for the site that a request goes to, since one connection may carry requests for several.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/certificate.hpp"

namespace aloft::httpd {

struct ClientCertificate {
  std::vector<crypto::Certificate> chain;  // the client's first, then what it sent along
  // The last judgement, so that the next request need not have it made again.
  struct Judgement {
    std::uint64_t by = 0;  // as Proven::by
    WallTime at;
    Result<std::string> name;
  };
  Judgement judgement = {};
};

}  // namespace aloft::httpd
