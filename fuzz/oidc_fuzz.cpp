// Whatever an identity provider, or a browser in its place, sends: documents, keys, tokens, claims, cookies. Nothing unsigned ever has a
// meaning, and what is taken keeps to its bounds.
#include <cstdlib>
#include <string>
#include <string_view>

#include "oidc/endpoint.hpp"
#include "oidc/id_token.hpp"
#include "oidc/key_set.hpp"
#include "oidc/ticket.hpp"

namespace {

using namespace aloft;

// RFC 7515, appendix A.3.
constexpr std::string_view kKeys =
    R"({"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";

void read_documents(std::string_view text) {
  if (const auto metadata = oidc::parse_metadata(text, "https://id.example"))
    if (!oidc::is_endpoint(metadata->token_endpoint) || metadata->authorization_endpoint.find_first_of("\r\n") != std::string::npos)
      std::abort();
  const std::string value(text);
  const auto fresh = oidc::freshness({{"Cache-Control", value}});
  if (fresh < std::chrono::seconds(60) || fresh > std::chrono::hours(24)) std::abort();
  if (oidc::is_local_page(text) && (text[0] != '/' || text.starts_with("//") || text.contains('\\'))) std::abort();
}

void read_tokens(const std::string& text) {
  static const oidc::KeySet keys = oidc::KeySet::parse(kKeys).value();
  const auto header = oidc::read_token_header(text);
  if (header && header->algorithm != oidc::kRs256 && header->algorithm != oidc::kEs256) std::abort();
  // The appendix's own example is the only thing that this key ever signed; its claims are nobody's here.
  if (const auto payload = keys.verify(text); payload && !payload->contains("joe")) std::abort();
  if (const auto found = oidc::KeySet::parse(text); found && found->size() > oidc::kMaxKeys) std::abort();
}

void read_claims(std::string_view text) {
  const oidc::Expected expected{
      .issuer = "https://id.example", .client_id = "aloft", .nonce = "n", .now = WallTime{std::chrono::seconds{1'700'000'000}}};
  const auto person = oidc::read_person(text, expected);
  if (!person) return;
  if (person->subject.empty() || person->subject.size() > 255 || person->display.size() > oidc::kMaxDisplayBytes) std::abort();
  if (person->claims.at("iss") != "https://id.example" || person->claims.at("nonce") != "n") std::abort();
  const std::string name = oidc::user_name(person->subject);
  if (name.find_first_of(" /\\\"\n") != std::string::npos) std::abort();
  const oidc::Settings settings{.name = "x", .roles = {{"admins", 16}}};
  if (const auto roles = oidc::roles_of(*person, settings); roles && (*roles != 16 || !text.contains("admins"))) std::abort();
}

}  // namespace

extern "C" int oidc_fuzz(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_documents(text);
  read_tokens(text);
  read_claims(text);
  static const oidc::Seal seal(as_bytes("a secret that no input knows"));
  if (seal.open(text, "sign-in") || oidc::unsealed(text, seal, {})) std::abort();
  return 0;
}
