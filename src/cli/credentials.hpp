// Which server an operator works with, and as whom.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/sha256.hpp"

namespace aloft::cli {

struct Credentials {
  std::string server;                         // "https://host:port", without a slash at the end
  std::optional<crypto::Digest> certificate;  // pinned; without one the system's authorities are believed
  std::string user;
  std::string token;  // a secret
  bool operator==(const Credentials&) const = default;
};

// What stands in the file. Errors: kBadJson, kBadEncoding for the certificate's fingerprint.
Result<Credentials> parse_credentials(std::string_view text);
std::string to_text(const Credentials& credentials);

// $XDG_CONFIG_HOME/aloft/credentials.json, or that under ~/.config; empty where neither is an absolute path.
std::filesystem::path credentials_path();

// Whether ALOFT_SERVER and ALOFT_TOKEN say so instead of the file.
bool environment_decides();
// From ALOFT_SERVER, ALOFT_TOKEN and ALOFT_FINGERPRINT where the first two are set, else from the file. Errors: kNotLoggedIn, those of
// reading the file.
Result<Credentials> load_credentials();
// Whether they could be saved, with the folder made: before a server makes a session of which nobody would know. Errors: kBadArgument where
// there is no place for them, file errors.
Result<> prepare_credentials();
// Replaces the file as a whole; only its owner can read it. Errors: as prepare_credentials().
Result<> save_credentials(const Credentials& credentials);
// Nothing happens when there are none.
Result<> forget_credentials();

// "https://host:8443" from what people type: scheme added, path and final slash dropped. Errors: kBadArgument.
Result<std::string> server_address(std::string_view typed);

}  // namespace aloft::cli
