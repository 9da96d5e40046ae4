#include "crypto/trust.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "crypto/certificate.hpp"
#include "crypto/chain.hpp"
#include "crypto/errors.hpp"
#include "crypto/openssl.hpp"
#include "crypto/signed_data.hpp"

namespace aloft::crypto {
namespace {

constexpr int kMaxSigners = 16;
constexpr std::uint64_t kMaxTrustFileBytes = 16 << 20;

Result<> add_anchors(X509_STORE* store, std::string_view pem) {
  for (const auto& anchor : TRY(Certificate::list_from_pem(pem))) {
    if (X509_self_signed(anchor.native(), 1) != 1)
      return fail(openssl_error(kTrustStore, anchor.subject() + " does not sign itself: anchors are root certificates; intermediate ones "
                                                                "travel in the bundle"));
    if (X509_STORE_add_cert(store, anchor.native()) != 1) return fail(openssl_error(kTrustStore, "cannot add an anchor"));
  }
  return {};
}

Result<> add_crls(X509_STORE* store, std::string_view pem) {
  const auto bio = reading(as_bytes(pem));
  int count = 0;
  while (const CrlPtr crl{PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_crl(store, crl.get()) != 1) return fail(openssl_error(kTrustStore, "cannot add a revocation list"));
    ++count;
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (count == 0 || !at_end) return fail(kTrustStore, "no revocation list in PEM form found");
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return {};
}

Result<std::vector<std::filesystem::path>> files_of(const std::filesystem::path& folder) {
  std::error_code problem;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem))
    files.push_back(entry->path());
  if (problem) return fail(kTrustStore, "cannot read the trust folder " + folder.string() + ": " + problem.message());
  std::ranges::sort(files);
  return files;
}

// check_certificate(certificate, intermediates) comes before the signature's own check.
template <typename Check>
Result<std::vector<Signer>> each_signer(ByteView cms, ByteView content, Check check_certificate) {
  auto data = TRY(SignedData::parse(cms));
  if (data.signer_count() == 0) return fail(kNoSigners, "the signature holds no signer");
  if (data.signer_count() > kMaxSigners) return fail(kCmsMalformed, "the signature holds more than 16 signers");
  TRY(data.digest(content));
  std::vector<Signer> signers;
  for (int i = 0; i < data.signer_count(); ++i) {
    X509* certificate = TRY(data.certificate_of(i));
    auto algorithm = TRY(algorithm_of(X509_get0_pubkey(certificate)));
    TRY(check_certificate(certificate, data.certificates()));
    TRY(data.verify_signer(i, content));
    X509_up_ref(certificate);
    const Certificate owned(std::shared_ptr<X509>(certificate, X509_free));
    signers.push_back({.subject = owned.subject(), .fingerprint = owned.fingerprint(), .algorithm = std::move(algorithm)});
  }
  return signers;
}

}  // namespace

struct TrustStore::State {
  Owned<X509_STORE, X509_STORE_free> store{X509_STORE_new()};
};

TrustStore::TrustStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
TrustStore::TrustStore(TrustStore&&) noexcept = default;
TrustStore& TrustStore::operator=(TrustStore&&) noexcept = default;
TrustStore::~TrustStore() = default;

Result<TrustStore> TrustStore::load(const std::filesystem::path& folder) {
  auto state = std::make_unique<State>();
  bool any_anchor = false;
  for (const auto& file : TRY(files_of(folder))) {
    const bool is_crl = file.extension() == ".crl";
    if (!is_crl && file.extension() != ".pem") continue;
    const auto pem = TRY(read_file(file, kMaxTrustFileBytes));
    const auto added = is_crl ? add_crls(state->store.get(), pem) : add_anchors(state->store.get(), pem);
    if (!added) return fail(kTrustStore, file.string() + ": " + added.error().message);
    any_anchor = any_anchor || !is_crl;
  }
  if (!any_anchor) return fail(kTrustStore, "no trust anchor (*.pem) in " + folder.string() + "; put the root certificate there");
  return TrustStore(std::move(state));
}

Result<TrustStore> TrustStore::from_pem(const std::vector<std::string>& anchors, const std::vector<std::string>& crls) {
  auto state = std::make_unique<State>();
  if (anchors.empty()) return fail(kTrustStore, "no trust anchor given");
  for (const auto& pem : anchors) TRY(add_anchors(state->store.get(), pem));
  for (const auto& pem : crls) TRY(add_crls(state->store.get(), pem));
  return TrustStore(std::move(state));
}

Result<std::vector<Signer>> TrustStore::verify(ByteView cms, ByteView content, WallTime now) const {
  return each_signer(cms, content, [&](X509* certificate, STACK_OF(X509) * intermediates) {
    return check_chain(state_->store.get(), certificate, intermediates, now);
  });
}

Result<std::vector<Signer>> claimed_signers(ByteView cms, ByteView content) {
  return each_signer(cms, content, [](X509*, STACK_OF(X509)*) { return Result<>(); });
}

WallTime TrustStore::anchors_valid_until() const {
  WallTime first = WallTime::max();
  const STACK_OF(X509_OBJECT)* const objects = X509_STORE_get0_objects(state_->store.get());
  for (int at = 0; at < sk_X509_OBJECT_num(objects); ++at) {
    const X509* const anchor = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, at));
    std::tm end{};
    if (anchor != nullptr && ASN1_TIME_to_tm(X509_get0_notAfter(anchor), &end) == 1)
      first = std::min(first, WallTime(std::chrono::seconds(::timegm(&end))));
  }
  return first;
}

std::optional<WallTime> TrustStore::crls_valid_until() const {
  std::optional<WallTime> first;
  const STACK_OF(X509_OBJECT)* const objects = X509_STORE_get0_objects(state_->store.get());
  for (int at = 0; at < sk_X509_OBJECT_num(objects); ++at) {
    const X509_CRL* const crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, at));
    const ASN1_TIME* const next = crl == nullptr ? nullptr : X509_CRL_get0_nextUpdate(crl);
    std::tm end{};
    if (next == nullptr || ASN1_TIME_to_tm(next, &end) != 1) continue;
    const WallTime until(std::chrono::seconds(::timegm(&end)));
    first = first ? std::min(*first, until) : until;
  }
  return first;
}

}  // namespace aloft::crypto
