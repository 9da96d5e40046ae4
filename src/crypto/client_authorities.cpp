#include "crypto/client_authorities.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

#include "crypto/chain.hpp"
#include "crypto/errors.hpp"
#include "crypto/openssl.hpp"

namespace aloft::crypto {
namespace {

// Each list is one of the authorities' own, or there would be nobody to ask whether it is genuine before a client comes.
Result<> check_list(X509_CRL* list, const std::vector<Certificate>& authorities) {
  const bool known = std::ranges::any_of(authorities, [list](const Certificate& authority) {
    return X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority.native())) == 0 &&
           X509_CRL_verify(list, X509_get0_pubkey(authority.native())) == 1;
  });
  ERR_clear_error();
  if (!known) return fail(kTrustStore, "a revocation list is of none of these authorities, or damaged");
  return {};
}

Result<std::vector<CrlPtr>> lists_in(std::string_view pem, const std::vector<Certificate>& authorities) {
  const auto bio = reading(as_bytes(pem));
  std::vector<CrlPtr> lists;
  while (X509_CRL* const next = PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)) {
    lists.emplace_back(next);
    TRY(check_list(next, authorities));
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!at_end) return fail(kTrustStore, "a revocation list cannot be read");
  return lists;
}

// Authorities without a list have revoked nothing.
int pass_without_list(int good, X509_STORE_CTX* context) {
  return good == 1 || X509_STORE_CTX_get_error(context) == X509_V_ERR_UNABLE_TO_GET_CRL ? 1 : 0;
}

Result<X509StackPtr> stack_of(const std::vector<Certificate>& certificates) {
  X509StackPtr stack(sk_X509_new_null());
  for (const Certificate& certificate : certificates) {
    X509_up_ref(certificate.native());
    if (!stack || sk_X509_push(stack.get(), certificate.native()) == 0) {
      X509_free(certificate.native());
      return fail(openssl_error(kCrypto, "cannot check a certificate"));
    }
  }
  return stack;
}

}  // namespace

struct ClientAuthorities::State {
  std::vector<Certificate> certificates;
  std::vector<CrlPtr> lists;
  Owned<X509_STORE, X509_STORE_free> store{X509_STORE_new()};
};

ClientAuthorities::ClientAuthorities(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientAuthorities::ClientAuthorities(ClientAuthorities&&) noexcept = default;
ClientAuthorities& ClientAuthorities::operator=(ClientAuthorities&&) noexcept = default;
ClientAuthorities::~ClientAuthorities() = default;

Result<ClientAuthorities> ClientAuthorities::from_pem(std::string_view pem) {
  if (pem.contains("PRIVATE KEY-----"))
    return fail(kBadCertificate, "there is a private key among the certificates; give the certificates alone");
  auto state = std::make_unique<State>();
  state->certificates = TRY(Certificate::list_from_pem(pem));
  X509_STORE* const store = state->store.get();
  for (const Certificate& authority : state->certificates) {
    if (X509_check_ca(authority.native()) == 0)
      return fail(kBadCertificate, authority.subject() + " is not an authority's: it may issue no certificates");
    if (X509_STORE_add_cert(store, authority.native()) != 1) return fail(openssl_error(kTrustStore, "cannot take an authority"));
  }
  state->lists = TRY(lists_in(pem, state->certificates));
  for (const CrlPtr& list : state->lists)
    if (X509_STORE_add_crl(store, list.get()) != 1) return fail(openssl_error(kTrustStore, "cannot take a revocation list"));
  return ClientAuthorities(std::move(state));
}

const std::vector<Certificate>& ClientAuthorities::certificates() const { return state_->certificates; }

std::vector<ClientAuthorities::RevocationList> ClientAuthorities::revocation_lists() const {
  std::vector<RevocationList> lists;
  for (const CrlPtr& list : state_->lists) {
    RevocationList shown{.issuer = text_of(X509_CRL_get_issuer(list.get())), .next_update = {}};
    if (const ASN1_TIME* const next = X509_CRL_get0_nextUpdate(list.get()); next != nullptr) shown.next_update = wall_time(next);
    lists.push_back(std::move(shown));
  }
  return lists;
}

Result<> ClientAuthorities::check(const std::vector<Certificate>& chain, WallTime now) const {
  const X509StackPtr others = TRY(stack_of(chain));
  const Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  if (!context || chain.empty() || X509_STORE_CTX_init(context.get(), state_->store.get(), chain.front().native(), others.get()) != 1)
    return fail(openssl_error(kCrypto, "cannot check a certificate"));
  limit_chain(X509_STORE_CTX_get0_param(context.get()), now);
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT);
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  X509_STORE_CTX_set_verify_cb(context.get(), pass_without_list);
  if (X509_verify_cert(context.get()) == 1) return {};
  const int error = X509_STORE_CTX_get_error(context.get());
  X509* const at = X509_STORE_CTX_get_current_cert(context.get());
  ERR_clear_error();
  return fail(code_of_verify_error(error),
              "certificate " + subject_of(at == nullptr ? chain.front().native() : at) + ": " + X509_verify_cert_error_string(error));
}

}  // namespace aloft::crypto
