#include "oidc/key_set.hpp"

#include <cjose/cjose.h>

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "oidc/errors.hpp"
#include "oidc/json_text.hpp"

namespace aloft::oidc {
namespace {

constexpr std::size_t kMaxKeyIdBytes = 1024;
constexpr std::size_t kLeastRsaBits = 2048;
constexpr std::size_t kMostRsaBits = 8192;
constexpr std::size_t kMaxNumberText = 4096;  // base64url of a modulus, an exponent, a coordinate

bool is_number(const std::string* text) {
  return text != nullptr && !text->empty() && text->size() <= kMaxNumberText && from_base64url(*text);
}

// The public members alone: what libcjose gets holds nothing else, so that it cannot find another meaning in it.
std::optional<Json> public_part(const Json& key) {
  const std::string* type = text_of(key, "kty");
  if (type == nullptr) return std::nullopt;
  if (*type == "RSA") {
    const std::string* modulus = text_of(key, "n");
    const std::string* exponent = text_of(key, "e");
    if (!is_number(modulus) || !is_number(exponent)) return std::nullopt;
    return Json{{"kty", "RSA"}, {"n", *modulus}, {"e", *exponent}};
  }
  const std::string* curve = text_of(key, "crv");
  if (*type != "EC" || curve == nullptr || *curve != "P-256") return std::nullopt;
  const std::string* x = text_of(key, "x");
  const std::string* y = text_of(key, "y");
  if (!is_number(x) || !is_number(y)) return std::nullopt;
  return Json{{"kty", "EC"}, {"crv", "P-256"}, {"x", *x}, {"y", *y}};
}

bool is_for(const Json& key, const char* member, std::string_view wanted) {
  if (!key.contains(member)) return true;
  const std::string* text = text_of(key, member);
  return text != nullptr && *text == wanted;
}

std::array<std::string_view, 3> parts_of(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return {};
  return {token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1)};
}

std::unexpected<Error> malformed(std::string_view why) {
  return fail(kTokenForm, "the identity provider's token cannot be read: " + std::string(why));
}

}  // namespace

Result<TokenHeader> read_token_header(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return malformed("it is too long; have fewer groups put into it");
  const auto parts = parts_of(token);
  if (parts[0].empty() || !from_base64url(parts[1]) || !from_base64url(parts[2])) return malformed("it has not three parts of base64url");
  const Result<Bytes> bytes = from_base64url(parts[0]);
  if (!bytes) return malformed("it has not three parts of base64url");
  const Result<Json> header = parse_json(as_text(*bytes));
  if (!header || !header->is_object()) return malformed("its header is no JSON object");
  if (header->contains("crit")) return malformed("its header demands an extension");
  const std::string* type = text_of(*header, "typ");
  if (header->contains("typ") && (type == nullptr || (*type != "JWT" && *type != "jwt")))
    return malformed("it is of another type than JWT");
  TokenHeader found;
  const std::string* algorithm = text_of(*header, "alg");
  for (const std::string_view known : {kRs256, kEs256})
    if (algorithm != nullptr && *algorithm == known) found.algorithm = known;
  if (found.algorithm.empty())
    return fail(kTokenAlgorithm,
                "the identity provider's token is not signed with RS256 or ES256; set one of these for this client at the provider");
  if (!header->contains("kid")) return found;
  const std::string* key = text_of(*header, "kid");
  if (key == nullptr || key->size() > kMaxKeyIdBytes) return malformed("its \"kid\" is no text");
  found.key = *key;
  return found;
}

std::optional<KeySet::Key> KeySet::usable(std::string_view member) {
  const Result<Json> json = parse_json(member);
  if (!json || !json->is_object()) return std::nullopt;
  const std::optional<Json> part = public_part(*json);
  if (!part) return std::nullopt;
  const std::string algorithm((*part)["kty"] == "RSA" ? kRs256 : kEs256);
  if (!is_for(*json, "use", "sig") || !is_for(*json, "alg", algorithm)) return std::nullopt;
  const std::string text = part->dump();
  cjose_err error{};
  std::shared_ptr<cjose_jwk_t> key(cjose_jwk_import(text.data(), text.size(), &error), &cjose_jwk_release);
  if (key == nullptr) return std::nullopt;
  const std::size_t bits = cjose_jwk_get_keysize(key.get(), &error);
  if (algorithm == kRs256 && (bits < kLeastRsaBits || bits > kMostRsaBits)) return std::nullopt;
  const std::string* id = text_of(*json, "kid");
  if (json->contains("kid") && (id == nullptr || id->size() > kMaxKeyIdBytes)) return std::nullopt;
  return Key{.algorithm = algorithm, .id = id == nullptr ? std::nullopt : std::optional(*id), .key = std::move(key)};
}

Result<KeySet> KeySet::parse(std::string_view text) {
  const Result<Json> json = parse_json(text);
  if (!json) return fail(kProviderAnswer, "the identity provider's keys: " + json.error().message);
  const auto list = json->is_object() ? json->find("keys") : json->end();
  if (list == json->end() || !list->is_array()) return fail(kProviderAnswer, "the identity provider's keys: \"keys\" is no list");
  if (list->size() > kMaxKeys)
    return fail(kProviderAnswer, "the identity provider's keys: there are more than " + std::to_string(kMaxKeys));
  KeySet keys;
  for (const Json& member : *list)
    if (std::optional<Key> key = usable(member.dump())) keys.keys_.push_back(*std::move(key));
  return keys;
}

// By its id; without one, the only one for the algorithm (OpenID Connect Core 1.0, section 10.1).
Result<const KeySet::Key*> KeySet::find(const TokenHeader& header) const {
  const Key* found = nullptr;
  for (const Key& key : keys_) {
    if (key.algorithm != header.algorithm || (header.key && key.id != header.key)) continue;
    if (found != nullptr) return fail(kTokenKey, "the identity provider's token does not say by which of several keys it is signed");
    found = &key;
  }
  if (found != nullptr) return found;
  return fail(kTokenKey, "the identity provider's token is signed by a key that the provider does not publish");
}

Result<std::string> KeySet::verify(const std::string& token) const {
  const TokenHeader header = TRY(read_token_header(token));
  const Key* key = TRY(find(header));
  cjose_err error{};
  const std::unique_ptr<cjose_jws_t, decltype(&cjose_jws_release)> jws(cjose_jws_import(token.data(), token.size(), &error),
                                                                       &cjose_jws_release);
  if (jws == nullptr) return malformed("it is not signed");
  // Both readers must have read the same algorithm.
  const char* algorithm = cjose_header_get(cjose_jws_get_protected(jws.get()), CJOSE_HDR_ALG, &error);
  if (algorithm == nullptr || algorithm != header.algorithm) return malformed("its header has two meanings");
  if (!cjose_jws_verify(jws.get(), key->key.get(), &error))
    return fail(kTokenSignature, "the signature of the identity provider's token is wrong");
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (!cjose_jws_get_plaintext(jws.get(), &bytes, &size, &error)) return malformed("it has no content");
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace aloft::oidc
