#include "httpd/tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cstring>
#include <vector>

#include "base/bytes.hpp"
#include "crypto/sha256.hpp"
#include "httpd/errors.hpp"
#include "httpd/sites.hpp"

namespace aloft::httpd {
namespace {

std::unexpected<Error> refused(std::string_view what) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return fail(kTlsSetup, std::string(what) + (reason == nullptr ? "" : ": " + std::string(reason)));
}

using Bio = std::unique_ptr<BIO, int (*)(BIO*)>;
Bio memory(const std::string& text) { return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free}; }

int no_passphrase(char*, int, int, void*) { return 0; }

int choose_http1(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered, unsigned offered_size,
                 void*) {
  static constexpr unsigned char kHttp1[] = "\x08http/1.1";
  unsigned char* found = nullptr;
  const int outcome = SSL_select_next_proto(&found, chosen_size, kHttp1, sizeof kHttp1 - 1, offered, offered_size);
  *chosen = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

Result<std::string> use_certificates(SSL_CTX* context, const std::string& pem) {
  const Bio bio = memory(pem);
  const std::unique_ptr<X509, void (*)(X509*)> leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, no_passphrase, nullptr), X509_free);
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) return refused("the TLS certificate cannot be used; give a PEM file");
  unsigned char* der = nullptr;
  const int size = i2d_X509(leaf.get(), &der);
  if (size <= 0) return refused("the TLS certificate cannot be encoded");
  std::string digest = to_hex(crypto::sha256(std::as_bytes(std::span(der, static_cast<std::size_t>(size)))));
  OPENSSL_free(der);
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr))
    if (SSL_CTX_add0_chain_cert(context, next) != 1) {
      X509_free(next);
      return refused("the TLS certificate's chain cannot be used");
    }
  ERR_clear_error();
  return digest;
}

int ask_client(SSL* tls, void* argument) {
  const char* const host = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
  const auto authorities = static_cast<const Sites*>(argument)->asks(host == nullptr ? "" : host);
  if (!authorities) return 1;
  STACK_OF(X509_NAME)* const names = sk_X509_NAME_new_null();
  for (const crypto::Certificate& authority : *authorities)
    sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(authority.native())));
  SSL_set_client_CA_list(tls, names);
  SSL_set_verify(tls, SSL_VERIFY_PEER, nullptr);
  return 1;
}

int leave_to_the_site(X509_STORE_CTX*, void*) { return 1; }

SSL_TICKET_RETURN resume(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t, SSL_TICKET_STATUS status, void* argument) {
  const bool good = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
  if (!good || SSL_SESSION_get0_peer(session) != nullptr || static_cast<const Sites*>(argument)->asks_some())
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace

TlsContext::TlsContext() : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {}

Result<TlsContext> TlsContext::create(const std::string& certificate_pem, const std::string& key_pem) {
  TlsContext tls;
  SSL_CTX* context = tls.context_.get();
  if (context == nullptr) return refused("TLS cannot be set up");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);  // a record costs one call of the kernel, not two
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_alpn_select_cb(context, choose_http1, nullptr);
  tls.certificate_sha256_ = TRY(use_certificates(context, certificate_pem));
  const Bio bio = memory(key_pem);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr),
                                                           EVP_PKEY_free);
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
    return refused("the TLS key cannot be used; give the PEM file of the certificate's own key, without a passphrase");
  return tls;
}

void TlsContext::ask_for(const Sites& sites) {
  SSL_CTX* const context = context_.get();
  void* const argument = const_cast<Sites*>(&sites);  // OpenSSL's own want of const
  SSL_CTX_set_cert_cb(context, ask_client, argument);
  SSL_CTX_set_cert_verify_callback(context, leave_to_the_site, nullptr);
  SSL_CTX_set_session_ticket_cb(context, nullptr, resume, argument);
}

}  // namespace aloft::httpd
