// The server's own secrets: its TLS certificate and key, and the key that seals devices' tokens.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/random.hpp"
#include "fleet/store.hpp"
#include "httpd/tls.hpp"

namespace aloft::server {

// Makes the folder (0700) when it is missing and locks it for this process until the result goes. Errors: kStoreInUse, file errors.
Result<Fd> claim_data_folder(const std::filesystem::path& data);

// From the files given, or else tls.key and tls.pem of the data folder, which are made when missing: P-256, self-signed, ten years, key
// readable by the owner only, for this host and `names`.
Result<httpd::TlsContext> tls_identity(const std::filesystem::path& data, const std::filesystem::path& certificate,
                                       const std::filesystem::path& key, const std::vector<std::string>& names, WallTime now);

// 32 bytes, made at the first start.
Result<Bytes> token_secret(fleet::Store& store, Random& random);

std::string host_name();

}  // namespace aloft::server
