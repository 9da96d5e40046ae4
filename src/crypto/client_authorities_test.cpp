#include "crypto/client_authorities.hpp"

#include <gtest/gtest.h>

#include "crypto/errors.hpp"
#include "crypto/test_pki.hpp"

namespace aloft::crypto {
namespace {

using test::Authority;
using test::kNow;
using test::kYear;
using test::must;

Certificate client_of(const Authority& authority, Profile profile = Profile::client) {
  return authority.issue(KeyType::p256, {.common_name = "cam-01", .profile = profile}).certificate;
}

// An authority below another.
Authority below(const Authority& root) {
  Authority made;
  const Issuer issuer = root.issuer();
  made.certificate = must(make_certificate(
      {.common_name = "issuing", .profile = Profile::authority, .not_before = kNow - kYear, .not_after = kNow + kYear}, made.key, &issuer));
  return made;
}

int number_of(const Result<>& result) { return result ? 0 : result.error().code.number; }
int checked(const std::string& pem, const std::vector<Certificate>& chain, WallTime now = kNow) {
  return number_of(must(ClientAuthorities::from_pem(pem)).check(chain, now));
}
int refused(const std::string& pem) {
  const auto made = ClientAuthorities::from_pem(pem);
  return made ? 0 : made.error().code.number;
}
std::string list_of(const Authority& authority, const std::vector<Certificate>& revoked,
                    std::chrono::days validity = std::chrono::days(30)) {
  return must(make_crl(authority.issuer(), revoked, "", kNow, validity));
}

TEST(ClientAuthorities, TakeWhatTheyHaveIssuedForClients) {
  const Authority ours;
  const Authority others;  // of the same name
  const Certificate client = client_of(ours);
  EXPECT_EQ(client.common_name(), "cam-01");
  EXPECT_EQ(checked(ours.certificate.pem(), {client}), 0);
  EXPECT_EQ(checked(others.certificate.pem() + ours.certificate.pem(), {client}), 0);
  EXPECT_EQ(checked(others.certificate.pem(), {client}), kUntrusted.number);
  EXPECT_EQ(checked(ours.certificate.pem(), {client_of(ours, Profile::server)}), kWrongPurpose.number);
  EXPECT_EQ(checked(ours.certificate.pem(), {client_of(ours, Profile::code_signing)}), kWrongPurpose.number);
  EXPECT_EQ(checked(ours.certificate.pem(), {client}, kNow + 2 * kYear), kExpired.number);
  EXPECT_EQ(checked(ours.certificate.pem(), {client}, kNow - 2 * kYear), kNotYetValid.number);
}

TEST(ClientAuthorities, OfOneRootOnlyTheOnesThatWereNamedCount) {
  const Authority root;
  const Authority ours = below(root);
  const Authority others = below(root);
  const Certificate client = client_of(ours);
  EXPECT_EQ(checked(ours.certificate.pem(), {client}), 0);
  EXPECT_EQ(checked(ours.certificate.pem(), {client, ours.certificate, root.certificate}), 0);
  EXPECT_EQ(checked(others.certificate.pem(), {client, ours.certificate, root.certificate}), kUntrusted.number);
  // Who names the root takes all below it, once it is shown the way.
  EXPECT_EQ(checked(root.certificate.pem(), {client, ours.certificate}), 0);
  EXPECT_EQ(checked(root.certificate.pem(), {client}), kUntrusted.number);
}

TEST(ClientAuthorities, AreHeldToTheirRevocationLists) {
  const Authority ours;
  const Authority more;
  const Certificate good = client_of(ours);
  const Certificate gone = client_of(ours);
  const std::string pem = ours.certificate.pem() + list_of(ours, {gone}) + more.certificate.pem();
  EXPECT_EQ(checked(pem, {good}), 0);
  EXPECT_EQ(checked(pem, {gone}), kRevoked.number);
  EXPECT_EQ(checked(pem, {good}, kNow + std::chrono::days(31)), kCrlExpired.number);
  EXPECT_EQ(checked(pem, {client_of(more)}), 0) << "an authority without a list has revoked nothing";
  const auto lists = must(ClientAuthorities::from_pem(pem)).revocation_lists();
  ASSERT_EQ(lists.size(), 1U);
  EXPECT_EQ(lists[0].issuer, "CN=test root");
  EXPECT_EQ(lists[0].next_update, kNow + std::chrono::days(30));
}

TEST(ClientAuthorities, WhatCannotBeOneIsRefused) {
  const Authority ours;
  const Authority others;
  EXPECT_EQ(refused(""), kBadCertificate.number);
  EXPECT_EQ(refused(client_of(ours).pem()), kBadCertificate.number);
  EXPECT_EQ(refused(ours.certificate.pem() + "-----BEGIN PRIVATE KEY-----\n"), kBadCertificate.number);
  EXPECT_EQ(refused(ours.certificate.pem() + list_of(others, {})), kTrustStore.number);
  EXPECT_EQ(refused(ours.certificate.pem() + "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"), kTrustStore.number);
  EXPECT_EQ(number_of(must(ClientAuthorities::from_pem(ours.certificate.pem())).check({}, kNow)), kCrypto.number);
}

}  // namespace
}  // namespace aloft::crypto
