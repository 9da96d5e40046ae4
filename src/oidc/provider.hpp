// The identity provider of a company: where people are sent, and who they are when they come back. Authorization code flow with PKCE
// (OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9207).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "net/http_client.hpp"
#include "oidc/endpoint.hpp"
#include "oidc/id_token.hpp"
#include "oidc/key_set.hpp"
#include "oidc/settings.hpp"
#include "oidc/ticket.hpp"

namespace aloft::oidc {

inline constexpr std::chrono::seconds kExchangeLimit{10};  // for one request to the provider
inline constexpr std::chrono::seconds kRetryAfter{5};      // so long nothing that failed is asked for again
inline constexpr std::chrono::seconds kRefetchAfter{10};   // so long the keys are not fetched again for a key that is not among them

// What the provider sent people back with.
struct Answer {
  std::string code;
  std::optional<std::string> issuer;
};

// A refusal in the provider's own words (RFC 6749, sections 4.1.2.1 and 5.2), cut to what one line of a log can take.
Error provider_refused(const std::string& error, const std::string& description);

// May be called from several threads; each call blocks, three exchanges of kExchangeLimit at most.
class Provider {
 public:
  using Send = std::function<Result<net::Response>(const net::Request&)>;
  // redirect_url: of this server, as registered at the provider. clock outlives it.
  Provider(Settings settings, std::string redirect_url, Clock& clock, Send send);
  // Over TLS, by the settings' authorities, to public addresses only unless the settings allow others.
  static Send over_tls(const Settings& settings);

  const Settings& settings() const { return settings_; }
  // Where the browser goes. Errors: kProviderDown, kProviderAnswer.
  Result<std::string> address_for(const Ticket& ticket);
  // Who came back. The code is spent by it. Errors: 9701-9709.
  Result<Person> identify(const Answer& answer, const Ticket& ticket);
  // Ends the calls under way after their present exchange, and all later ones.
  void stop() { stopped_ = true; }

 private:
  template <typename T>
  struct Kept {
    std::shared_ptr<const T> value;
    SteadyTime until{};
    std::optional<Error> failure;  // of the last fetch; stands until `until`
  };
  Result<net::Response> fetch(const std::string& address);
  Result<std::shared_ptr<const Metadata>> metadata();
  Result<std::shared_ptr<const KeySet>> keys(const Metadata& metadata);
  Result<std::string> verified(const std::string& token, const Metadata& metadata);
  template <typename T, typename Parse>
  Result<std::shared_ptr<const T>> kept(Kept<T>& place, const std::string& address, Parse parse);
  net::Request token_request(const Answer& answer, const Ticket& ticket, const Metadata& metadata) const;
  Result<std::string> token_for(const Answer& answer, const Ticket& ticket, const Metadata& metadata);

  const Settings settings_;
  const std::string redirect_url_;
  Clock& clock_;
  const Send send_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;  // over all below, also while they are fetched: who needs them too waits for them
  Kept<Metadata> metadata_;
  Kept<KeySet> keys_;
  std::optional<SteadyTime> refetched_;
};

}  // namespace aloft::oidc
