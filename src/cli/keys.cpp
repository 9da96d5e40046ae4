#include <fcntl.h>
#include <sys/file.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <iostream>
#include <map>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "cli/commands.hpp"
#include "cli/errors.hpp"
#include "crypto/certificate.hpp"
#include "crypto/errors.hpp"
#include "crypto/key.hpp"

namespace aloft::cli {
namespace {

using crypto::Certificate;
using crypto::KeyType;
using crypto::PrivateKey;
using crypto::Profile;
using std::filesystem::path;

constexpr std::chrono::days kYear{365};
constexpr std::chrono::days kCrlValidity{30};
const std::map<std::string, KeyType, std::less<>> kKeyTypes{
    {"p256", KeyType::p256}, {"ed25519", KeyType::ed25519}, {"rsa3072", KeyType::rsa3072}};

struct KeysOptions {
  std::string folder;
  std::string name = "signer";
  std::string type = "p256";
  unsigned years = 2;
  bool intermediate = false;
  std::vector<std::string> revoked;
};

struct Pair {
  PrivateKey key;
  Certificate certificate;
};

Result<Pair> load_pair(const path& folder, const std::string& name) {
  auto key = TRY(PrivateKey::load(folder / (name + ".key")));
  auto certificate = TRY(Certificate::load(folder / (name + ".pem")));
  return Pair{std::move(key), std::move(certificate)};
}

Result<bool> is_there(const path& file) {
  std::error_code problem;
  const bool there = std::filesystem::exists(file, problem);
  if (problem) return fail(system_error("cannot examine", file, problem.value()));
  return there;
}

Result<> check_free(const path& file) {
  if (TRY(is_there(file))) return fail(kExists, file.string() + " exists; choose another name or folder");
  return {};
}

// Makes NAME.key and NAME.pem; `above` is what follows the certificate in NAME.pem.
Result<Pair> make_pair(const path& folder, const std::string& name, KeyType type, crypto::CertificateRequest request, const Pair* issuer,
                       const std::string& above = {}) {
  if (name.empty() || name.find('/') != std::string::npos)
    return fail(kBadArgument, "the name must be one of a file in FOLDER, not \"" + name + "\"");
  for (const char* ending : {".key", ".pem"}) TRY(check_free(folder / (name + ending)));
  const WallTime now = SystemClock().now();
  request.not_before = now - std::chrono::hours(1);
  if (request.not_after == WallTime{}) request.not_after = now + 20 * kYear;
  auto key = TRY(PrivateKey::generate(type));
  const auto make = [&]() {
    if (issuer == nullptr) return crypto::make_certificate(request, key);
    const crypto::Issuer from{issuer->certificate, issuer->key};
    return crypto::make_certificate(request, key, &from);
  };
  auto certificate = TRY(make());
  TRY(key.save(folder / (name + ".key")));
  TRY(replace_file(folder / (name + ".pem"), certificate.pem() + above));
  return Pair{std::move(key), std::move(certificate)};
}

Result<> issue(const KeysOptions& options) {
  const path folder = options.folder;
  const bool under_intermediate = TRY(is_there(folder / "intermediate.key"));
  const Pair issuer = TRY(load_pair(folder, under_intermediate ? "intermediate" : "root"));
  const auto not_after = SystemClock().now() + options.years * kYear;
  TRY(make_pair(folder, options.name, kKeyTypes.at(options.type),
                {.common_name = options.name, .profile = Profile::code_signing, .not_after = not_after}, &issuer,
                under_intermediate ? issuer.certificate.pem() : ""));
  std::cout << "Signing key:  " << (folder / (options.name + ".key")).string()
            << "\nCertificate:  " << (folder / (options.name + ".pem")).string() << "\n";
  return {};
}

Result<> make_authority(const KeysOptions& options) {
  const path folder = options.folder;
  const auto root = TRY(make_pair(folder, "root", kKeyTypes.at(options.type),
                                  {.common_name = "Aloft development root", .profile = Profile::authority}, nullptr));
  if (options.intermediate)
    TRY(make_pair(folder, "intermediate", kKeyTypes.at(options.type),
                  {.common_name = "Aloft development intermediate", .profile = Profile::authority}, &root));
  TRY(replace_file(folder / "trust" / "root.pem", root.certificate.pem()));
  return issue(options);
}

// All or nothing: the trust anchor of an earlier authority, whose keys may have been moved away, stays what it is. One at a time, as
// another one's files would be taken back, too.
Result<> init(const KeysOptions& options) {
  const path folder = options.folder;
  std::error_code problem;
  std::filesystem::create_directories(folder / "trust", problem);
  if (problem) return fail(kIo, "cannot make the folder " + folder.string() + ": " + problem.message());
  const Fd lock = TRY(open_file(folder, O_RDONLY | O_DIRECTORY));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK
               ? fail(kBusy, "keys are being made in " + folder.string() + " by another program just now; nothing was changed")
               : fail(system_error("cannot lock", folder, errno));
  std::vector<path> files{folder / "trust" / "root.pem", folder / "trust" / "root.crl", folder / "trust" / "intermediate.crl"};
  for (const std::string& name : {std::string("root"), std::string("intermediate"), options.name})
    for (const char* const ending : {".key", ".pem"}) files.push_back(folder / (name + ending));
  for (const path& file : files) TRY(check_free(file));
  if (auto made = make_authority(options); !made) {
    for (const path& file : files) std::filesystem::remove(file, problem);
    return made;
  }
  std::cout << "For devices:  " << (folder / "trust").string() << " (goes to trust_dir, by default /etc/aloft/trust)\n"
            << "These keys are for development. Keep " << (folder / "root.key").string() << " away from build hosts and devices.\n";
  return {};
}

// A fresh revocation list of one authority in trust/NAME.crl, with those of the certificates that it issued.
Result<std::size_t> renew_crl(const path& folder, const std::string& name, const std::vector<Certificate>& revoked) {
  const Pair authority = TRY(load_pair(folder, name));
  std::vector<Certificate> own;
  for (const auto& certificate : revoked)
    if (certificate.issued_by(authority.certificate)) own.push_back(certificate);
  const path list = folder / "trust" / (name + ".crl");
  std::string previous;
  if (TRY(is_there(list))) {
    previous = TRY(read_file(list));
    if (previous.empty())
      return fail(crypto::kBadCertificate, list.string() + " is empty, so what it revoked is not known; put it back from a backup or a " +
                                               "device, or remove it and revoke each certificate again");
  }
  const auto crl = TRY(crypto::make_crl({authority.certificate, authority.key}, own, previous, SystemClock().now(), kCrlValidity));
  TRY(replace_file(list, crl));
  std::cout << "Revocation list: " << list.string() << " (valid for " << kCrlValidity.count() << " days)\n";
  return own.size();
}

Result<> revoke(const KeysOptions& options) {
  const path folder = options.folder;
  std::vector<Certificate> revoked;
  for (const auto& file : options.revoked) revoked.push_back(TRY(Certificate::load(file)));
  std::size_t found = TRY(renew_crl(folder, "root", revoked));
  if (TRY(is_there(folder / "intermediate.key"))) found += TRY(renew_crl(folder, "intermediate", revoked));
  if (found < revoked.size())
    return fail(kNotThisAuthority, "not every certificate given was issued by an authority in " + folder.string());
  return {};
}

void add_type_option(CLI::App& command, KeysOptions& options) {
  command.add_option("--type", options.type, "Kind of key")->check(CLI::IsMember({"p256", "ed25519", "rsa3072"}))->capture_default_str();
  command.add_option("--years", options.years, "How long the signing certificate is valid")
      ->check(CLI::Range(1U, 20U))
      ->capture_default_str();
}

}  // namespace

void add_keys_commands(CLI::App& app, Run& run) {
  auto* keys = app.add_subcommand("keys", "Make keys and certificates for development, and revoke them");
  keys->require_subcommand(1);
  const auto options = std::make_shared<KeysOptions>();

  auto* init_command = keys->add_subcommand("init", "Make a development authority (root), a signing key and a trust folder for devices");
  init_command->add_option("FOLDER", options->folder, "Where to put them; made if missing")->required();
  add_type_option(*init_command, *options);
  init_command->add_flag("--intermediate", options->intermediate, "Put an intermediate authority between root and signing key");
  init_command->callback([options, &run] { run = [options] { return init(*options); }; });

  auto* issue_command = keys->add_subcommand("issue", "Make another signing key under the authority in FOLDER");
  issue_command->add_option("FOLDER", options->folder, "What `aloft keys init` made")->required();
  issue_command->add_option("--name", options->name, "Name of the signer and of its files")->required();
  add_type_option(*issue_command, *options);
  issue_command->callback([options, &run] { run = [options] { return issue(*options); }; });

  auto* revoke_command = keys->add_subcommand("revoke", "Put certificates on the authority's revocation list; without any, renew the list");
  revoke_command->add_option("FOLDER", options->folder, "What `aloft keys init` made")->required();
  revoke_command->add_option("CERTIFICATE", options->revoked, "PEM files of certificates to revoke");
  revoke_command->callback([options, &run] { run = [options] { return revoke(*options); }; });
}

}  // namespace aloft::cli
