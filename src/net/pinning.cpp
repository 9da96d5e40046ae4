#include "net/pinning.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace aloft::net {
namespace {

// What the check needs: hangs off the context, and goes with it.
struct Pin {
  const crypto::Digest& expected;
  std::string& shown;
};

int slot_of_pin() {
  static const int slot = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* pin, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Pin*>(pin); });
  return slot;
}

int check_pin(X509_STORE_CTX* check, void* argument) {
  const auto* pin = static_cast<const Pin*>(argument);
  const auto shown = certificate_digest(X509_STORE_CTX_get0_cert(check));
  if (shown && CRYPTO_memcmp(shown->data(), pin->expected.data(), shown->size()) == 0) {
    X509_STORE_CTX_set_error(check, X509_V_OK);
    return 1;
  }
  pin->shown = shown ? to_hex(*shown) : "unknown";
  X509_STORE_CTX_set_error(check, X509_V_ERR_CERT_REJECTED);
  return 0;
}

}  // namespace

std::optional<crypto::Digest> certificate_digest(X509* certificate) {
  crypto::Digest digest;
  unsigned size = 0;
  if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), reinterpret_cast<unsigned char*>(digest.data()), &size) != 1)
    return std::nullopt;
  return digest;
}

void pin_certificate(SSL_CTX* context, const crypto::Digest& pin, std::string& shown) {
  auto* argument = new Pin{pin, shown};
  SSL_CTX_set_ex_data(context, slot_of_pin(), argument);
  SSL_CTX_set_cert_verify_callback(context, &check_pin, argument);
}

}  // namespace aloft::net
