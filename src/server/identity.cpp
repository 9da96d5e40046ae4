#include "server/identity.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "crypto/certificate.hpp"
#include "fleet/errors.hpp"

namespace aloft::server {
namespace {

constexpr std::chrono::days kCertificateLife{3650};
constexpr std::string_view kSecretSetting = "device-token-secret";

Result<> make_certificate_files(const std::filesystem::path& certificate_file, const std::filesystem::path& key_file,
                                const std::vector<std::string>& more_names, WallTime now) {
  const auto key = TRY(crypto::PrivateKey::generate(crypto::KeyType::p256));
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
  if (host_name() != "localhost") names.push_back(host_name());
  names.insert(names.end(), more_names.begin(), more_names.end());
  const auto certificate = TRY(crypto::make_server_certificate(key, names, now, kCertificateLife));
  TRY(key.save(key_file));
  return replace_file(certificate_file, certificate.pem());
}

}  // namespace

std::string host_name() {
  char name[65] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

Result<Fd> claim_data_folder(const std::filesystem::path& data) {
  if (::mkdir(data.c_str(), 0700) != 0 && errno != EEXIST) return fail(system_error("cannot make folder", data, errno));
  Fd lock = TRY(open_file(data / "lock", O_RDWR | O_CREAT, 0600));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(fleet::kStoreInUse, "another aloft-server uses " + data.string() + "; stop it, or give another --data");
  return lock;
}

Result<httpd::TlsContext> tls_identity(const std::filesystem::path& data, const std::filesystem::path& certificate,
                                       const std::filesystem::path& key, const std::vector<std::string>& names, WallTime now) {
  const std::filesystem::path certificate_file = certificate.empty() ? data / "tls.pem" : certificate;
  const std::filesystem::path key_file = key.empty() ? data / "tls.key" : key;
  // The certificate is written last: without it an interrupted first start begins anew.
  if (certificate.empty() && !std::filesystem::exists(certificate_file))
    TRY(make_certificate_files(certificate_file, key_file, names, now));
  return httpd::TlsContext::create(TRY(read_file(certificate_file, 1U << 20)), TRY(read_file(key_file, 1U << 20)));
}

Result<Bytes> token_secret(fleet::Store& store, Random& random) {
  const std::string name(kSecretSetting);
  if (const auto kept = TRY(store.setting(name))) return from_base64(*kept);
  Bytes secret(32);
  random.fill(secret);
  TRY(fleet::wait<>([&](auto done) { store.put_setting(name, to_base64(secret), done); }));
  return secret;
}

}  // namespace aloft::server
