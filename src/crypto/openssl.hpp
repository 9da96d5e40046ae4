// OpenSSL's objects with owners, and its errors as ours. For the .cpp files of this layer and those that do TLS.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace aloft::crypto {

template <auto kFree>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
template <typename T, auto kFree>
using Owned = std::unique_ptr<T, OpensslFree<kFree>>;

inline void free_certificates(STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); }

using BioPtr = Owned<BIO, BIO_free_all>;
using PkeyPtr = Owned<EVP_PKEY, EVP_PKEY_free>;
using X509Ptr = Owned<X509, X509_free>;
using CrlPtr = Owned<X509_CRL, X509_CRL_free>;
using X509StackPtr = Owned<STACK_OF(X509), free_certificates>;
using MdCtxPtr = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;

// Reads from the bytes, which must outlive it.
BioPtr reading(ByteView bytes);
BioPtr writing();
std::string text_of(BIO* memory);
std::string text_of(const X509_NAME* name);  // RFC 2253
WallTime wall_time(const ASN1_TIME* time);   // 1970 for what is no time

// The error for a failed call, with the library's own reason; empties the thread's error queue.
Error openssl_error(ErrorCode code, std::string_view doing);

}  // namespace aloft::crypto
