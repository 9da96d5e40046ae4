// SHA-256 of several contents at once.
#pragma once

#include <span>

#include "crypto/sha256.hpp"

namespace aloft::crypto {

// The digest of each of `contents` into `digests` (at least as many). Faster than one by one where the processor has instructions for it
// and contents that follow each other are about as long: it works on two at once (docs/decisions/0032).
void sha256_each(std::span<const ByteView> contents, std::span<Digest> digests);

}  // namespace aloft::crypto
