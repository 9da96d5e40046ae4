// The authorities of a site: whose certificates its devices of hawkBit's protocol may show instead of a token. Each site judges by its own,
// however the connection came about: what another site's authority has issued counts for nothing. On the loop's thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "crypto/client_authorities.hpp"
#include "fleet/store.hpp"
#include "httpd/client_certificate.hpp"

namespace aloft::server {

inline constexpr std::size_t kMaxAuthoritiesBytes = 1U << 20;  // of PEM; revocation lists may be long
inline constexpr const char* kAuthoritiesSetting = "ddi-client-authorities";

class DdiAuthorities {
 public:
  // given: PEM that counts besides what people set here, as of --client-ca; may be empty.
  DdiAuthorities(Clock& clock, std::string given) : clock_(clock), given_(std::move(given)) {}
  // Errors: those of the store and of crypto::ClientAuthorities::from_pem.
  Result<> load(fleet::Store& store);
  // What is to be kept in the store next; take() it once it is. An empty text: none but those given.
  Result<std::optional<crypto::ClientAuthorities>> prepare(const std::string& pem) const;
  void take(std::optional<crypto::ClientAuthorities> authorities);

  // Null where there are none.
  const crypto::ClientAuthorities* all() const { return authorities_ ? &*authorities_ : nullptr; }
  // Of the first of the certificates of all() that people cannot take away.
  std::size_t given_count() const;
  // None where nobody is asked for a certificate.
  std::optional<std::span<const crypto::Certificate>> asked() const;

  // The one common name of the certificate, which may be empty, once its chain is found good. That is remembered for up to a minute, but
  // never beyond a change of the authorities. Errors: kDeviceCertificate with the reason.
  Result<std::string> name_in(httpd::ClientCertificate& shown) const;

 private:
  Result<std::string> judged(const httpd::ClientCertificate& shown, WallTime now) const;
  Clock& clock_;
  const std::string given_;
  std::optional<crypto::ClientAuthorities> authorities_;
  std::uint64_t number_ = 0;  // of what is in force, among all of this process
};

}  // namespace aloft::server
