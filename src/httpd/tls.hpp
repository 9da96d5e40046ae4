// The server's side of TLS: certificate, key, versions. Shared by all connections; immutable.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>

#include "base/result.hpp"

namespace aloft::httpd {

class TlsContext {
 public:
  // PEM texts; the certificate may be followed by its chain. TLS 1.2 and 1.3, session tickets, HTTP/1.1 by ALPN. Errors: kTlsSetup.
  // client_authorities_pem: when it is not empty, clients may show a certificate, which then must be of one of these authorities and for
  // client authentication, else their handshake fails.
  static Result<TlsContext> create(const std::string& certificate_pem, const std::string& key_pem,
                                   const std::string& client_authorities_pem = "");

  SSL_CTX* get() const { return context_.get(); }
  // SHA-256 of the (first) certificate's DER, lower-case hex: what clients pin.
  const std::string& certificate_sha256() const { return certificate_sha256_; }

 private:
  TlsContext();
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::string certificate_sha256_;
};

}  // namespace aloft::httpd
