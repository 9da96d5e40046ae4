// For tests: a root, and signing certificates under it.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "crypto/certificate.hpp"
#include "crypto/key.hpp"
#include "crypto/sign.hpp"
#include "crypto/trust.hpp"

namespace aloft::crypto::test {

inline constexpr WallTime kNow{std::chrono::milliseconds{1'700'000'000'000}};  // FakeClock's first instant
inline constexpr std::chrono::days kYear{365};

template <typename T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  std::fputs((result.error().text() + "\n").c_str(), stderr);
  std::abort();
}

inline void must(Result<> result) {
  if (result) return;
  std::fputs((result.error().text() + "\n").c_str(), stderr);
  std::abort();
}

struct Authority {
  PrivateKey key = must(PrivateKey::generate(KeyType::p256));
  Certificate certificate = must(make_certificate(
      {.common_name = "test root", .profile = Profile::authority, .not_before = kNow - 10 * kYear, .not_after = kNow + 10 * kYear}, key));
  Issuer issuer() const { return {certificate, key}; }

  // A signing certificate with its key; the request's times default to a year around kNow.
  SigningIdentity issue(KeyType type, CertificateRequest request = {.common_name = "test signer"}) const {
    if (request.not_after == WallTime{}) {
      request.not_before = kNow - kYear;
      request.not_after = kNow + kYear;
    }
    auto fresh = must(PrivateKey::generate(type));
    const auto from = issuer();
    auto issued = must(make_certificate(request, fresh, &from));
    return {std::move(fresh), std::move(issued), {}};
  }
  TrustStore trust(const std::vector<std::string>& crls = {}) const { return must(TrustStore::from_pem({certificate.pem()}, crls)); }
};

}  // namespace aloft::crypto::test
