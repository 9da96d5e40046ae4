// Who this device is to its server, and how it knows that server.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "agent/config.hpp"
#include "base/result.hpp"
#include "crypto/key.hpp"
#include "net/tls_trust.hpp"

namespace aloft::agent {

inline constexpr std::size_t kMaxTokenBytes = 1024;  // of a file that holds a token

// state_dir/device-key.pem (0600, Ed25519); made at the first call, durably. Errors: those of crypto::PrivateKey, file errors.
Result<crypto::PrivateKey> load_or_make_device_key(const std::filesystem::path& state_dir);

// The SHA-256 of its public half in hex, as status and server show it; of one that is there. Errors: as above.
Result<std::string> device_key_sha256(const std::filesystem::path& state_dir);

// The name in the configuration, else the machine id; with hawkbit it is the controller id. Errors: kConfigValue when it can be none.
Result<std::string> device_name(const ServerConfig& config, const std::string& machine_id);

// "<secret base64url>.<SHA-256 of the server's certificate, 64 hex digits>", as people are shown it.
struct EnrolToken {
  std::string secret;
  crypto::Digest certificate;
};
Result<EnrolToken> parse_enrol_token(std::string_view text);  // white space around it is ignored; errors: kConfigValue, without the token

// The configured token, if its file is there.
Result<std::optional<EnrolToken>> read_enrol_token(const ServerConfig& config);

// By the first of: `fingerprint`, `ca_file`, the token's fingerprint, the pin kept at enrolment (state_dir/server-pin), the system's CAs.
// With hawkbit, which has no enrolment, the third and fourth do not count.
Result<net::TlsTrust> server_trust(const ServerConfig& config, const std::filesystem::path& state_dir);

// Keeps the token's fingerprint beyond the token. Durable on return.
Result<> keep_pin(const std::filesystem::path& state_dir, const crypto::Digest& certificate);

}  // namespace aloft::agent
