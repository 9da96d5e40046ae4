// An enrolment token as somebody has copied it; the error is the same for each, and so never shows it.
#include <cstdlib>
#include <string_view>

#include "agent/identity.hpp"

extern "C" int enrol_token_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto token = agent::parse_enrol_token(text);
  if (!token) {
    static const std::string said = agent::parse_enrol_token("").error().text();
    if (token.error().text() != said) std::abort();
    return 0;
  }
  if (token->secret.empty() || !from_base64url(token->secret)) std::abort();
  const auto again = agent::parse_enrol_token("\n" + token->secret + "." + to_hex(token->certificate) + " ");
  if (!again || again->secret != token->secret || again->certificate != token->certificate) std::abort();
  return 0;
}
