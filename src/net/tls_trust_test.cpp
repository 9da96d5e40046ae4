#include "net/tls_trust.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "net/errors.hpp"
#include "net/fake_server.hpp"
#include "net/http_client.hpp"

namespace aloft::net {
namespace {

template <auto release>
struct Releases {
  void operator()(auto* thing) const { release(thing); }
};
using Key = std::unique_ptr<EVP_PKEY, Releases<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Releases<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Releases<SSL_CTX_free>>;

Certificate self_signed(EVP_PKEY* key, const char* alternative_name) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_name);
  X509_add_ext(certificate.get(), names, -1);
  X509_EXTENSION_free(names);
  X509_set_pubkey(certificate.get(), key);
  X509_sign(certificate.get(), key, EVP_sha256());
  return certificate;
}

crypto::Digest digest_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  crypto::Digest digest;
  SHA256(der, static_cast<std::size_t>(size), reinterpret_cast<unsigned char*>(digest.data()));
  OPENSSL_free(der);
  return digest;
}

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    use("IP:127.0.0.1");
    ca_file_ = std::filesystem::temp_directory_path() / ("aloft-ca-" + std::to_string(::getpid()) + ".pem");
  }
  void TearDown() override { std::filesystem::remove(ca_file_); }

  void use(const char* name) {
    key_.reset(EVP_EC_gen("P-256"));
    certificate_ = self_signed(key_.get(), name);
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context_.get(), certificate_.get());
    SSL_CTX_use_PrivateKey(context_.get(), key_.get());
  }
  CaFile write_ca() {
    std::FILE* file = std::fopen(ca_file_.c_str(), "w");
    PEM_write_X509(file, certificate_.get());
    std::fclose(file);
    return {ca_file_};
  }
  std::string outcome(TlsTrust trust) {
    FakeServer server([](const Received&) { return Answer{.body = "hello"}; }, context_.get());
    auto response = HttpClient::create({.trust = std::move(trust)}).value()->send({.url = server.url()});
    return response ? response->body : std::string(response.error().code.name);
  }

  Key key_;
  Certificate certificate_;
  Context context_;
  std::filesystem::path ca_file_;
};

TEST_F(Tls, BelievesThePinnedCertificateWhateverNameItHas) {
  use("DNS:elsewhere.example");
  EXPECT_EQ(outcome(PinnedCertificate{digest_of(certificate_.get())}), "hello");
}

TEST_F(Tls, RefusesAnyOtherCertificateWhenOneIsPinned) {
  crypto::Digest pin = digest_of(certificate_.get());
  for (const std::size_t at : {0U, 15U, 31U}) {
    pin[at] ^= std::byte{1};
    EXPECT_EQ(outcome(PinnedCertificate{pin}), "tls-pin-mismatch");
    pin[at] ^= std::byte{1};
  }
  use("IP:127.0.0.1");  // same name, another key
  EXPECT_EQ(outcome(PinnedCertificate{pin}), "tls-pin-mismatch");
}

TEST_F(Tls, BelievesACaFileForTheRightHostOnly) {
  EXPECT_EQ(outcome(write_ca()), "hello");
  use("IP:127.0.0.2");
  EXPECT_EQ(outcome(write_ca()), "tls-untrusted");
}

TEST_F(Tls, DoesNotBelieveWhatTheSystemDoesNotKnow) {
  EXPECT_EQ(outcome(SystemTrust{}), "tls-untrusted");
  EXPECT_EQ(outcome(CaFile{"/nonexistent.pem"}), "tls-untrusted");
}

TEST_F(Tls, KeepsAConnectionAndResumesSessionsUnderAPin) {
  FakeServer server(
      [](const Received& received) {
        return Answer{.body = "x", .break_after = received.index == 1 ? std::optional<std::size_t>(0) : std::nullopt};
      },
      context_.get());
  auto http = HttpClient::create({.trust = PinnedCertificate{digest_of(certificate_.get())}}).value();
  EXPECT_TRUE(http->send({.url = server.url()}));
  EXPECT_FALSE(http->send({.url = server.url()}));
  EXPECT_TRUE(http->send({.url = server.url()}));
  EXPECT_EQ(server.connections(), 2U);
}

TEST_F(Tls, ShowsTheCertificateForAPersonToCompare) {
  FakeServer server([](const Received&) { return Answer{}; }, context_.get());
  EXPECT_EQ(shown_certificate(server.url()).value(), digest_of(certificate_.get()));
  EXPECT_EQ(server.requests(), 0U);
  FakeServer plain([](const Received&) { return Answer{}; });
  EXPECT_EQ(shown_certificate(plain.url()).error().code.number, kBadUrl.number);
}

TEST_F(Tls, ShowsItsOwnCertificateWhenAsked) {
  SSL_CTX_set_cert_verify_callback(context_.get(), [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  FakeServer server([](const Received&) { return Answer{.body = "known"}; }, context_.get());
  const CaFile certificate = write_ca();
  const std::filesystem::path key_file = certificate.path.string() + ".key";
  std::FILE* file = std::fopen(key_file.c_str(), "w");
  PEM_write_PrivateKey(file, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  const auto send = [&](std::optional<ClientCertificate> client) {
    return HttpClient::create({.trust = certificate, .client = std::move(client)}).value()->send({.url = server.url()});
  };
  EXPECT_EQ(send(ClientCertificate{certificate.path, key_file}).value().body, "known");
  EXPECT_FALSE(send(std::nullopt));
  EXPECT_EQ(send(ClientCertificate{"/nonexistent.pem", key_file}).error().code.number, kClientCertificate.number);
  std::filesystem::remove(key_file);
}

TEST_F(Tls, ParsesFingerprintsAsToolsPrintThem) {
  EXPECT_EQ(parse_fingerprint("AB:" + std::string(62, '0')).value()[0], std::byte{0xab});
  EXPECT_EQ(to_hex(parse_fingerprint(to_hex(digest_of(certificate_.get()))).value()), to_hex(digest_of(certificate_.get())));
  for (const char* bad : {"", "ab", "zz"}) EXPECT_FALSE(parse_fingerprint(bad));
  EXPECT_FALSE(parse_fingerprint(std::string(66, '0')));
}

}  // namespace
}  // namespace aloft::net
