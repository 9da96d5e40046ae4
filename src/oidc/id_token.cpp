#include "oidc/id_token.hpp"

#include <algorithm>
#include <cmath>

#include "base/bytes.hpp"
#include "oidc/errors.hpp"
#include "oidc/json_text.hpp"

namespace aloft::oidc {
namespace {

constexpr std::size_t kMaxSubjectBytes = 255;  // section 2
constexpr std::size_t kMaxAudiences = 100;
constexpr std::size_t kMaxValues = 2000;

std::unexpected<Error> wrong(std::string_view claim, std::string_view why) {
  return fail(kTokenClaims, "the identity provider's token is not for this sign-in: \"" + std::string(claim) + "\" " + std::string(why));
}

Result<> check_audience(const Json& claims, const std::string& client_id) {
  const auto found = claims.find("aud");
  const bool one = found != claims.end() && found->is_string();
  if (!one && (found == claims.end() || !found->is_array() || found->size() > kMaxAudiences)) return wrong("aud", "is missing");
  const auto ours = [&](const Json& element) { return element.is_string() && element.get_ref<const std::string&>() == client_id; };
  if (one ? !ours(*found) : std::ranges::none_of(*found, ours)) return wrong("aud", "names another client than \"client_id\" in sso.toml");
  const std::string* party = text_of(claims, "azp");
  if (claims.contains("azp") && (party == nullptr || *party != client_id)) return wrong("azp", "names another client");
  if (!one && found->size() > 1 && party == nullptr) return wrong("azp", "is missing, and there are several audiences");
  return {};
}

// Seconds since 1970 (RFC 7519, NumericDate), which may have a fraction.
Result<std::optional<double>> date(const Json& claims, const char* key) {
  const auto found = claims.find(key);
  if (found == claims.end()) return std::nullopt;
  if (!found->is_number()) return wrong(key, "is no time");
  const double seconds = found->get<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e11) return wrong(key, "is no time");
  return seconds;
}

Result<> check_times(const Json& claims, WallTime time) {
  const double now = static_cast<double>(time.time_since_epoch().count()) / 1000;
  const double skew = static_cast<double>(kSkew.count());
  const std::optional<double> expires = TRY(date(claims, "exp"));
  if (!expires) return wrong("exp", "is missing");
  if (*expires + skew <= now) return wrong("exp", "has passed; compare the clocks of this server and the provider");
  const std::optional<double> issued = TRY(date(claims, "iat"));
  if (!issued) return wrong("iat", "is missing");
  if (*issued > now + skew) return wrong("iat", "is still to come; compare the clocks of this server and the provider");
  if (*issued + skew + static_cast<double>(kSignInLife.count()) < now) return wrong("iat", "is older than a sign-in may take");
  const std::optional<double> begins = TRY(date(claims, "nbf"));
  if (begins && *begins > now + skew) return wrong("nbf", "is still to come; compare the clocks of this server and the provider");
  return {};
}

// A name for people, without control characters; "" if none is fit.
std::string display_of(const Json& claims) {
  for (const char* key : {"preferred_username", "email", "name"}) {
    const std::string* text = text_of(claims, key);
    if (text == nullptr || text->empty() || text->size() > kMaxDisplayBytes) continue;
    if (std::ranges::any_of(*text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) continue;
    return *text;
  }
  return {};
}

// What stands in the claim: a text, or a list of them.
std::vector<std::string> values(const Json& claims, const std::vector<std::string>& way) {
  const Json* at = &claims;
  for (const std::string& name : way) {
    const auto found = at->is_object() ? at->find(name) : at->end();
    if (found == at->end()) return {};
    at = &*found;
  }
  if (at->is_string()) return {at->get<std::string>()};
  std::vector<std::string> found;
  if (!at->is_array() || at->size() > kMaxValues) return found;
  for (const Json& element : *at)
    if (element.is_string()) found.push_back(element.get<std::string>());
  return found;
}

}  // namespace

Result<Person> read_person(std::string_view payload, const Expected& expected) {
  Result<Json> claims = parse_json(payload);
  if (!claims || !claims->is_object()) return wrong("sub", "cannot be read: the token's content is no JSON object");
  const std::string* issuer = text_of(*claims, "iss");
  if (issuer == nullptr || *issuer != expected.issuer) return wrong("iss", "is another issuer than \"issuer\" in sso.toml");
  TRY(check_audience(*claims, expected.client_id));
  TRY(check_times(*claims, expected.now));
  const std::string* nonce = text_of(*claims, "nonce");
  if (nonce == nullptr || expected.nonce.empty() || *nonce != expected.nonce) return wrong("nonce", "is not this sign-in's");
  const std::string* subject = text_of(*claims, "sub");
  if (subject == nullptr || subject->empty() || subject->size() > kMaxSubjectBytes) return wrong("sub", "is missing or too long");
  if (std::ranges::any_of(*subject, [](char c) { return c < ' ' || c > '~'; })) return wrong("sub", "has characters that are not ASCII");
  return Person{.subject = *subject, .display = display_of(*claims), .claims = *std::move(claims)};
}

Result<fleet::Roles> roles_of(const Person& person, const Settings& settings) {
  fleet::Roles roles = 0;
  for (const std::string& value : values(person.claims, settings.claim)) {
    const auto found = settings.roles.find(value);
    if (found != settings.roles.end()) roles = static_cast<fleet::Roles>(roles | found->second);
  }
  if (roles != 0) return roles;
  const std::string who = person.display.empty() ? person.subject : person.display;
  const auto elsewhere = person.claims.find("_claim_names");
  if (elsewhere != person.claims.end() && elsewhere->is_object() && elsewhere->contains(settings.claim.front()))
    return fail(kNoRole,
                who + " is in too many groups for the token to list; have the provider put only this application's groups into it");
  return fail(kNoRole, who + " is signed in at " + settings.name +
                           ", but has no group there that may do anything here; ask whoever keeps the groups");
}

std::string user_name(std::string_view subject) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@|:";
  std::string name = "oidc:";
  for (const char& c : subject) name += kPlain.contains(c) ? std::string(1, c) : "%" + to_hex(as_bytes({&c, 1}));
  return name;
}

}  // namespace aloft::oidc
