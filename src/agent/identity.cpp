#include "agent/identity.hpp"

#include <algorithm>

#include "agent/errors.hpp"
#include "agent/words.hpp"
#include "base/bytes.hpp"
#include "base/errors.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "crypto/errors.hpp"
#include "crypto/public_key.hpp"
#include "protocol/messages.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxControllerIdBytes = 256;

fs::path key_file(const fs::path& state_dir) { return state_dir / "device-key.pem"; }
fs::path pin_file(const fs::path& state_dir) { return state_dir / "server-pin"; }

}  // namespace

Result<crypto::PrivateKey> load_or_make_device_key(const fs::path& state_dir) {
  const fs::path file = key_file(state_dir);
  std::error_code problem;
  if (fs::exists(file, problem)) {
    auto known = crypto::PrivateKey::load(file);
    if (known || known.error().code.number != crypto::kBadKey.number) return known;
    // It is lost whatever is done. With another the device can at least ask to be accepted anew.
    log::error("the device key cannot be used: " + known.error().text() +
               "; it is set aside, and a new one has to be accepted by the server");
    TRY(set_file_aside(file));
  }
  auto key = TRY(crypto::PrivateKey::generate(crypto::KeyType::ed25519));
  TRY(key.save(file));
  return key;
}

Result<std::string> device_key_sha256(const fs::path& state_dir) {
  const crypto::PrivateKey key = TRY(crypto::PrivateKey::load(key_file(state_dir)));
  return to_hex(TRY(crypto::public_key_sha256(key.native())));
}

Result<std::string> device_name(const ServerConfig& config, const std::string& machine_id) {
  const std::string& name = config.name.empty() ? machine_id : config.name;
  if (config.hawkbit) {
    const bool printable = std::ranges::all_of(name, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
    if (!name.empty() && name.size() <= kMaxControllerIdBytes && printable) return name;
    return fail(kConfigValue, "\"" + name + "\" is no controller id (1-256 bytes, no control characters); set server.name");
  }
  if (protocol::is_device_name(name)) return name;
  return fail(kConfigValue, "\"" + name + "\" is no device name (1-64 of A-Z a-z 0-9 . _ -); set server.name");
}

Result<EnrolToken> parse_enrol_token(std::string_view text) {
  text = trimmed(text);
  const auto dot = text.find('.');
  const auto wrong = [] {
    return fail(kConfigValue, "the enrolment token must be <secret>.<64 hexadecimal digits>; make a new one on the server");
  };
  if (dot == std::string_view::npos || dot == 0 || !from_base64url(text.substr(0, dot))) return wrong();
  const auto certificate = net::parse_fingerprint(text.substr(dot + 1));
  if (!certificate) return wrong();
  return EnrolToken{.secret = std::string(text.substr(0, dot)), .certificate = *certificate};
}

Result<std::optional<EnrolToken>> read_enrol_token(const ServerConfig& config) {
  if (config.enrol_token_file.empty()) return std::nullopt;
  const auto text = read_file(config.enrol_token_file, kMaxTokenBytes);
  if (!text && text.error().code.number == kNotFound.number) return std::nullopt;
  if (!text) return fail(text.error());
  if (trimmed(*text).empty()) return std::nullopt;
  return TRY(parse_enrol_token(*text));
}

Result<net::TlsTrust> server_trust(const ServerConfig& config, const fs::path& state_dir) {
  if (!config.fingerprint.empty()) return net::PinnedCertificate{TRY(net::parse_fingerprint(config.fingerprint))};
  if (!config.ca_file.empty()) return net::CaFile{config.ca_file};
  if (config.hawkbit) return net::SystemTrust{};
  if (const auto token = TRY(read_enrol_token(config))) return net::PinnedCertificate{token->certificate};
  if (const auto pin = read_file(pin_file(state_dir), kMaxTokenBytes))
    return net::PinnedCertificate{TRY(net::parse_fingerprint(trimmed(*pin)))};
  return net::SystemTrust{};
}

Result<> keep_pin(const fs::path& state_dir, const crypto::Digest& certificate) {
  return replace_file(pin_file(state_dir), to_hex(certificate) + "\n", 0644);
}

}  // namespace aloft::agent
