#include "crypto/trust.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "crypto/errors.hpp"
#include "crypto/openssl.hpp"
#include "crypto/test_pki.hpp"

namespace aloft::crypto {
namespace {

using test::Authority;
using test::kNow;
using test::kYear;

const ByteView kContent = as_bytes(R"({"a":"manifest"})");

Bytes sign(const std::vector<SigningIdentity>& identities) { return test::must(sign_detached(kContent, identities)); }

int number_of(const Result<std::vector<Signer>>& result) { return result ? 0 : result.error().code.number; }

class TrustOfType : public testing::TestWithParam<KeyType> {};
INSTANTIATE_TEST_SUITE_P(Types, TrustOfType, testing::Values(KeyType::ed25519, KeyType::p256, KeyType::rsa3072));

TEST_P(TrustOfType, AcceptsASignerUnderAnAnchorAndNamesIt) {
  const Authority root;
  const auto identity = root.issue(GetParam());
  const auto signers = root.trust().verify(sign({identity}), kContent, kNow);
  ASSERT_TRUE(signers) << signers.error().text();
  ASSERT_EQ(signers->size(), 1U);
  EXPECT_EQ(signers->front().subject, "CN=test signer");
  EXPECT_EQ(signers->front().fingerprint, identity.certificate.fingerprint());
  EXPECT_EQ(signers->front().algorithm, identity.key.algorithm());
}

TEST_P(TrustOfType, SignsTheSameBytesEachTime) {
  const Authority root;
  const auto identity = root.issue(GetParam());
  EXPECT_EQ(sign({identity}), sign({identity}));
}

TEST_P(TrustOfType, RefusesOtherContentAndEveryFlippedSignatureBit) {
  const Authority root;
  const auto identity = root.issue(GetParam());
  const auto trust = root.trust();
  const auto good = sign({identity});
  EXPECT_EQ(number_of(trust.verify(good, as_bytes("other"), kNow)), kBadSignature.number);
  const std::size_t value_bytes = identity.key.sign(kContent)->size();
  for (std::size_t bit = (good.size() - value_bytes) * 8; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    ASSERT_NE(number_of(trust.verify(bad, kContent, kNow)), 0) << bit;
  }
}

TEST(Trust, RefusesEveryTruncationAndTrailingBytes) {
  const Authority root;
  const auto trust = root.trust();
  const auto good = sign({root.issue(KeyType::p256)});
  for (std::size_t size = 0; size < good.size(); ++size)
    ASSERT_EQ(number_of(trust.verify(ByteView(good).first(size), kContent, kNow)), kCmsMalformed.number) << size;
  auto longer = good;
  longer.push_back({});
  EXPECT_EQ(number_of(trust.verify(longer, kContent, kNow)), kCmsMalformed.number);
}

TEST(Trust, EveryReasonToRefuseACertificateHasItsNumber) {
  const Authority root;
  const Authority stranger;
  const auto with = [&](CertificateRequest request) { return sign({root.issue(KeyType::p256, std::move(request))}); };
  const auto good = sign({root.issue(KeyType::p256)});
  const struct {
    const char* why;
    Bytes signature;
    WallTime now;
    ErrorCode expected;
  } cases[] = {
      {"another authority", sign({stranger.issue(KeyType::p256)}), kNow, kUntrusted},
      {"two years later", good, kNow + 2 * kYear, kExpired},
      {"a clock that lost its time", good, WallTime{}, kNotYetValid},
      {"a server's certificate", with({.common_name = "server", .profile = Profile::server, .names = {"example.com"}}), kNow,
       kWrongPurpose},
      {"an authority's certificate", with({.common_name = "ca", .profile = Profile::authority}), kNow, kWrongPurpose},
      {"one good, one untrusted", sign({root.issue(KeyType::p256), stranger.issue(KeyType::p256)}), kNow, kUntrusted},
      {"nobody", test::must(merge_signatures({})), kNow, kNoSigners},
  };
  const auto trust = root.trust();
  for (const auto& c : cases) EXPECT_EQ(number_of(trust.verify(c.signature, kContent, c.now)), c.expected.number) << c.why;
}

TEST(Trust, RevocationListsMustBeThereCurrentAndSilent) {
  const Authority root;
  const Authority stranger;
  const auto bad = root.issue(KeyType::p256);
  const auto good = root.issue(KeyType::p256);
  const auto crl = test::must(make_crl(root.issuer(), {bad.certificate}, "", kNow, std::chrono::days(30)));
  const auto foreign = test::must(make_crl(stranger.issuer(), {}, "", kNow, std::chrono::days(30)));
  const auto verify = [&](const SigningIdentity& identity, const std::string& list, WallTime now) {
    return number_of(root.trust({list}).verify(sign({identity}), kContent, now));
  };
  EXPECT_EQ(verify(good, crl, kNow), 0);
  EXPECT_EQ(verify(bad, crl, kNow), kRevoked.number);
  EXPECT_EQ(verify(good, crl, kNow + std::chrono::days(31)), kCrlExpired.number);
  EXPECT_EQ(verify(good, crl, kNow - std::chrono::days(1)), kNotYetValid.number);
  EXPECT_EQ(verify(good, foreign, kNow), kNoCrl.number);
  const auto longer = test::must(make_crl(root.issuer(), {good.certificate}, crl, kNow, std::chrono::days(30)));
  EXPECT_EQ(verify(good, longer, kNow), kRevoked.number);
  EXPECT_EQ(verify(bad, longer, kNow), kRevoked.number);
}

TEST(Trust, AnIntermediateTravelsWithTheSignatureAndIsNeeded) {
  const Authority root;
  Authority middle;
  const auto from = root.issuer();
  const CertificateRequest request{
      .common_name = "middle", .profile = Profile::authority, .not_before = kNow - kYear, .not_after = kNow + kYear};
  middle.certificate = test::must(make_certificate(request, middle.key, &from));
  auto identity = middle.issue(KeyType::p256);
  EXPECT_EQ(number_of(root.trust().verify(sign({identity}), kContent, kNow)), kUntrusted.number);
  identity.intermediates.push_back(middle.certificate);
  EXPECT_EQ(number_of(root.trust().verify(sign({identity}), kContent, kNow)), 0);
  EXPECT_FALSE(TrustStore::from_pem({middle.certificate.pem()}));  // not a root
}

TEST(Trust, RefusesKeysOfTooFewBits) {
  const Authority root;
  const PkeyPtr weak(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1024}));
  const auto bio = writing();
  PEM_write_bio_PKCS8PrivateKey(bio.get(), weak.get(), nullptr, nullptr, 0, nullptr, nullptr);
  EXPECT_EQ(PrivateKey::from_pem(text_of(bio.get())).error().code.number, kWeakKey.number);
}

TEST(MergeSignatures, KeepsAllSignersAndDoesNotDependOnOrder) {
  const Authority root;
  const auto first = sign({root.issue(KeyType::p256)});
  const auto second = sign({root.issue(KeyType::ed25519)});
  const std::vector<Bytes> forth{first, second};
  const std::vector<Bytes> back{second, first, second};
  const auto merged = test::must(merge_signatures(forth));
  EXPECT_EQ(merged, test::must(merge_signatures(back)));
  EXPECT_EQ(root.trust().verify(merged, kContent, kNow)->size(), 2U);
}

TEST(ServerCertificate, NamesItsHostsAndSignsItself) {
  const auto key = *PrivateKey::generate(KeyType::p256);
  const auto certificate = make_server_certificate(key, {"10.0.2.2", "update.example.com"}, kNow, kYear);
  ASSERT_TRUE(certificate) << certificate.error().text();
  EXPECT_EQ(X509_check_ip_asc(certificate->native(), "10.0.2.2", 0), 1);
  EXPECT_EQ(X509_check_host(certificate->native(), "update.example.com", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(certificate->native(), "other.example.com", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_self_signed(certificate->native(), 1), 1);
  EXPECT_EQ(certificate->fingerprint().size(), 64U);
  EXPECT_LT(certificate->not_before(), kNow);
  EXPECT_EQ(certificate->not_after(), kNow + kYear);
  EXPECT_EQ(Certificate::from_der(certificate->der())->pem(), certificate->pem());
}

}  // namespace
}  // namespace aloft::crypto
