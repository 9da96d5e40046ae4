// The public key that names a device.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "crypto/sha256.hpp"

namespace aloft::fleet {

// SHA-256 of the key's SubjectPublicKeyInfo in DER: the same for every way of writing the same PEM. Errors: kDeviceKey when it is no
// Ed25519 or ECDSA P-256 public key.
Result<crypto::Digest> device_key_sha256(std::string_view public_pem);

}  // namespace aloft::fleet
