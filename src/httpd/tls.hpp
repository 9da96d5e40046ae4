// The server's side of TLS: certificate, key, versions. Shared by all connections; immutable.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>

#include "base/result.hpp"

namespace aloft::httpd {

class Sites;

class TlsContext {
 public:
  // PEM texts; the certificate may be followed by its chain. TLS 1.2 and 1.3, session tickets, HTTP/1.1 by ALPN. Errors: kTlsSetup.
  static Result<TlsContext> create(const std::string& certificate_pem, const std::string& key_pem);

  // Clients are asked for a certificate where the sites say so, and go on without one, too. TLS proves that they hold its key and judges
  // nothing else. A session with a certificate is never resumed: tickets carry no more of a chain than its first certificate; and none is
  // while somebody is asked, or who came before a site began to ask would not be. The sites outlive every connection.
  void ask_for(const Sites& sites);

  SSL_CTX* get() const { return context_.get(); }
  // SHA-256 of the (first) certificate's DER, lower-case hex: what clients pin.
  const std::string& certificate_sha256() const { return certificate_sha256_; }

 private:
  TlsContext();
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::string certificate_sha256_;
};

}  // namespace aloft::httpd
