#include "crypto/old_digests.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdlib>

namespace aloft::crypto {
namespace {

using Context = std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)>;

Context begin(const EVP_MD* kind) {
  Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), kind, nullptr) != 1) std::abort();  // only without memory
  return context;
}

std::string end(const Context& context) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  return to_hex(std::as_bytes(std::span(digest)).first(size));
}

}  // namespace

struct OldDigests::Contexts {
  Context md5 = begin(EVP_md5());
  Context sha1 = begin(EVP_sha1());
};

OldDigests::OldDigests() : contexts_(std::make_unique<Contexts>()) {}
OldDigests::OldDigests(OldDigests&&) noexcept = default;
OldDigests& OldDigests::operator=(OldDigests&&) noexcept = default;
OldDigests::~OldDigests() = default;

void OldDigests::update(ByteView bytes) {
  EVP_DigestUpdate(contexts_->md5.get(), bytes.data(), bytes.size());
  EVP_DigestUpdate(contexts_->sha1.get(), bytes.data(), bytes.size());
}

OldDigests::Hex OldDigests::finish() { return {.md5 = end(contexts_->md5), .sha1 = end(contexts_->sha1)}; }

}  // namespace aloft::crypto
