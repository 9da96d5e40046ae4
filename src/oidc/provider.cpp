#include "oidc/provider.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "net/web_address.hpp"
#include "oidc/errors.hpp"

namespace aloft::oidc {
namespace {

constexpr std::uint64_t kMaxAnswerBytes = 256U << 10;
constexpr std::size_t kMaxQuotedBytes = 200;

// What the provider says of its own mistakes, fit for one line of a log.
std::string quoted(std::string text) {
  if (text.size() > kMaxQuotedBytes) text.resize(kMaxQuotedBytes);
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return "\"" + text + "\"";
}

std::string form(const std::vector<std::pair<std::string_view, std::string>>& members) {
  std::string text;
  for (const auto& [name, value] : members) {
    if (!text.empty()) text += '&';
    text += std::string(name) + "=" + net::path_segment(value);
  }
  return text;
}

Error down(const Error& error) { return {kProviderDown, "the identity provider cannot be asked: " + error.message}; }

// RFC 6749, section 5.2.
std::unexpected<Error> refusal(const net::Response& response) {
  if (response.status == 429 || response.status >= 500)
    return fail(kProviderDown, "the identity provider answered " + std::to_string(response.status) + "; try again");
  const Result<Json> json = parse_json(response.body);
  const auto text = [&](const char* key) {
    const auto found = json && json->is_object() ? json->find(key) : Json::const_iterator{};
    return json && json->is_object() && found != json->end() && found->is_string() ? found->get<std::string>() : "";
  };
  const std::string error = text("error");
  return fail(provider_refused(error.empty() ? "status " + std::to_string(response.status) : error, text("error_description")));
}

Result<std::string> id_token_of(const net::Response& response) {
  const Result<Json> json = parse_json(response.body);
  if (json && json->is_object())
    if (const auto found = json->find("id_token"); found != json->end() && found->is_string()) return found->get<std::string>();
  return fail(kProviderAnswer,
              "the identity provider's answer has no \"id_token\"; the scope \"openid\" may not be allowed for this client");
}

}  // namespace

Error provider_refused(const std::string& error, const std::string& description) {
  return {kProviderRefused, "the identity provider refused: " + quoted(error) + (description.empty() ? "" : " " + quoted(description))};
}

Provider::Provider(Settings settings, std::string redirect_url, Clock& clock, Send send)
    : settings_(std::move(settings)), redirect_url_(std::move(redirect_url)), clock_(clock), send_(std::move(send)) {}

Provider::Send Provider::over_tls(const Settings& settings) {
  net::TlsOptions tls;
  if (!settings.ca_file.empty()) tls.trust = net::CaFile{settings.ca_file};
  const net::Reach reach = settings.private_addresses ? net::Reach::any : net::Reach::public_only;
  return [tls, reach](const net::Request& request) -> Result<net::Response> {
    const auto client = TRY(net::HttpClient::create(tls));
    net::Request bounded = request;
    bounded.max_body_bytes = kMaxAnswerBytes;
    bounded.timeouts.connect = kExchangeLimit;
    bounded.timeouts.total = kExchangeLimit;
    bounded.reach = reach;
    return client->send(bounded);
  };
}

Result<net::Response> Provider::fetch(const std::string& address) {
  if (stopped_) return fail(kProviderDown, "the server is ending");
  net::Request request;
  request.url = address;
  request.headers = {{"Accept", "application/json"}};
  const Result<net::Response> response = send_(request);
  if (!response) return fail(down(response.error()));
  if (response->status == 200) return *response;
  return fail(kProviderDown, "the identity provider answered " + std::to_string(response->status) + " at " + net::without_secrets(address));
}

template <typename T, typename Parse>
Result<std::shared_ptr<const T>> Provider::kept(Kept<T>& place, const std::string& address, Parse parse) {
  if (clock_.steady() < place.until) {
    if (place.failure) return fail(*place.failure);
    return place.value;
  }
  Result<T> parsed = fail(kProviderDown, "");
  const Result<net::Response> response = fetch(address);
  parsed = response ? parse(response->body) : std::unexpected(response.error());
  place.failure.reset();
  if (parsed) {
    place.value = std::make_shared<const T>(*std::move(parsed));
    place.until = clock_.steady() + freshness(response->headers);
    return place.value;
  }
  place.failure = parsed.error();
  place.until = clock_.steady() + kRetryAfter;
  return fail(*place.failure);
}

Result<std::shared_ptr<const Metadata>> Provider::metadata() {
  const std::lock_guard lock(mutex_);
  return kept<Metadata>(metadata_, metadata_address(settings_.issuer),
                        [this](std::string_view text) { return parse_metadata(text, settings_.issuer); });
}

Result<std::shared_ptr<const KeySet>> Provider::keys(const Metadata& metadata) {
  return kept<KeySet>(keys_, metadata.jwks_uri, [](std::string_view text) { return KeySet::parse(text); });
}

Result<std::string> Provider::address_for(const Ticket& ticket) {
  const auto found = TRY(metadata());
  std::string scopes;
  for (const std::string& scope : settings_.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
  const char* joint = found->authorization_endpoint.contains('?') ? "&" : "?";
  return found->authorization_endpoint + joint +
         form({{"response_type", "code"},
               {"client_id", settings_.client_id},
               {"redirect_uri", redirect_url_},
               {"scope", scopes},
               {"state", ticket.state},
               {"nonce", ticket.nonce},
               {"code_challenge", challenge_of(ticket)},
               {"code_challenge_method", "S256"}});
}

net::Request Provider::token_request(const Answer& answer, const Ticket& ticket, const Metadata& metadata) const {
  net::Request request;
  request.method = "POST";
  request.url = metadata.token_endpoint;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  std::vector<std::pair<std::string_view, std::string>> members{
      {"grant_type", "authorization_code"}, {"code", answer.code}, {"redirect_uri", redirect_url_}, {"code_verifier", ticket.verifier}};
  const bool secret = !settings_.client_secret.empty();
  if (secret && metadata.basic) {  // RFC 6749, section 2.3.1
    const std::string pair = net::path_segment(settings_.client_id) + ":" + net::path_segment(settings_.client_secret);
    request.headers.push_back({"Authorization", "Basic " + to_base64(as_bytes(pair))});
  } else {
    members.emplace_back("client_id", settings_.client_id);
    if (secret) members.emplace_back("client_secret", settings_.client_secret);
  }
  request.body = form(members);
  return request;
}

Result<std::string> Provider::token_for(const Answer& answer, const Ticket& ticket, const Metadata& metadata) {
  if (stopped_) return fail(kProviderDown, "the server is ending");
  const Result<net::Response> response = send_(token_request(answer, ticket, metadata));
  if (!response) return fail(down(response.error()));
  if (response->status != 200) return refusal(*response);
  return id_token_of(*response);
}

// A key that is not known may be new, and so may one that is: providers change theirs without a word, some under the same name.
Result<std::string> Provider::verified(const std::string& token, const Metadata& metadata) {
  const std::lock_guard lock(mutex_);
  auto known = TRY(keys(metadata));
  Result<std::string> payload = known->verify(token);
  const std::uint16_t problem = payload ? 0 : payload.error().code.number;
  if (problem != kTokenKey.number && problem != kTokenSignature.number) return payload;
  if (refetched_ && clock_.steady() < *refetched_ + kRefetchAfter) return payload;
  refetched_ = clock_.steady();
  const auto good = keys_;
  keys_.until = {};
  const auto fetched = keys(metadata);
  if (fetched) return (*fetched)->verify(token);
  keys_ = good;  // they are no worse for that
  return payload;
}

Result<Person> Provider::identify(const Answer& answer, const Ticket& ticket) {
  const auto found = TRY(metadata());
  if ((found->says_issuer && !answer.issuer) || (answer.issuer && *answer.issuer != settings_.issuer))
    return fail(kTokenClaims, "the answer does not come from the issuer that sso.toml names; begin the sign-in again");
  const std::string token = TRY(token_for(answer, ticket, *found));
  const std::string payload = TRY(verified(token, *found));
  return read_person(payload, {.issuer = settings_.issuer, .client_id = settings_.client_id, .nonce = ticket.nonce, .now = clock_.now()});
}

}  // namespace aloft::oidc
