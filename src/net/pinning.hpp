// Believing one certificate and no other. For net/'s own use.
#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string>

#include "crypto/sha256.hpp"

namespace aloft::net {

// Replaces the context's whole certificate check by: the server's certificate, in DER, has this SHA-256. For another one the handshake
// fails and shown becomes its digest, in hex. Both must outlive the context.
void pin_certificate(SSL_CTX* context, const crypto::Digest& pin, std::string& shown);

// The digest of a certificate's DER form; empty if OpenSSL fails.
std::optional<crypto::Digest> certificate_digest(X509* certificate);

}  // namespace aloft::net
