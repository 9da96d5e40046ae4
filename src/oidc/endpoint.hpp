// Where an identity provider says that things are: its discovery document (OpenID Connect Discovery 1.0, section 4).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/http_client.hpp"

namespace aloft::oidc {

// An https address of printable ASCII with a host, without user, password or fragment; at most 2048 bytes.
bool is_endpoint(const std::string& address);

struct Metadata {
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string jwks_uri;
  bool basic = true;         // the token endpoint takes the client's secret by HTTP Basic; else in the body
  bool says_issuer = false;  // every answer of the authorization endpoint carries "iss" (RFC 9207)
};

// The address of an issuer's document.
std::string metadata_address(const std::string& issuer);
// Members that are not asked for are passed over. Errors: kProviderAnswer: no such document, another issuer's (section 4.3), one without
// the code flow, S256 or an algorithm that we take.
Result<Metadata> parse_metadata(std::string_view text, const std::string& issuer);

// For so long an answer may be used again: its Cache-Control's max-age (RFC 9111) within 1 minute and 24 hours; 1 hour without one.
std::chrono::seconds freshness(const std::vector<net::Header>& headers);

}  // namespace aloft::oidc
