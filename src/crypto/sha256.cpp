#include "crypto/sha256.hpp"

#include <cstdlib>

#include "crypto/openssl.hpp"

namespace aloft::crypto {
namespace {

// Fetched once: an implicit fetch costs more than hashing a block.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}

void must(int ok) {
  if (ok != 1) std::abort();  // no memory, or a library without SHA-256: nothing can be verified
}

}  // namespace

struct Sha256::Context {
  MdCtxPtr md{EVP_MD_CTX_new()};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) { must(EVP_DigestInit_ex2(context_->md.get(), algorithm(), nullptr)); }
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(ByteView bytes) { must(EVP_DigestUpdate(context_->md.get(), bytes.data(), bytes.size())); }

Digest Sha256::finish() {
  Digest digest;
  must(EVP_DigestFinal_ex(context_->md.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr));
  must(EVP_DigestInit_ex2(context_->md.get(), nullptr, nullptr));
  return digest;
}

Digest sha256(ByteView bytes) {
  thread_local Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace aloft::crypto
