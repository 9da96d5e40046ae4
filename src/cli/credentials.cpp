#include "cli/credentials.hpp"

#include <unistd.h>

#include <cstdlib>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "cli/server_errors.hpp"
#include "net/tls_trust.hpp"

namespace aloft::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<Credentials> parse_credentials(std::string_view text) {
  const Json json = TRY(parse_json(text));
  JsonObject object = TRY(JsonObject::of(json, "credentials"));
  Credentials credentials;
  credentials.server = TRY(object.text("server"));
  credentials.user = TRY(object.text("user"));
  credentials.token = TRY(object.text("token"));
  if (const auto fingerprint = TRY(object.optional_text("certificate_sha256")))
    credentials.certificate = TRY(net::parse_fingerprint(*fingerprint));
  return credentials;
}

std::string to_text(const Credentials& credentials) {
  Json json{{"server", credentials.server}, {"user", credentials.user}, {"token", credentials.token}};
  if (credentials.certificate) json["certificate_sha256"] = to_hex(*credentials.certificate);
  return json.dump(2) + "\n";
}

// A token does not belong where one happens to stand.
std::filesystem::path credentials_path() {
  std::filesystem::path folder = environment("XDG_CONFIG_HOME");
  if (!folder.is_absolute()) folder = std::filesystem::path(environment("HOME")) / ".config";
  if (!folder.is_absolute()) return {};
  return folder / "aloft" / "credentials.json";
}

bool environment_decides() { return !environment("ALOFT_SERVER").empty() && !environment("ALOFT_TOKEN").empty(); }

Result<Credentials> load_credentials() {
  if (environment_decides()) {
    Credentials credentials{.server = TRY(server_address(environment("ALOFT_SERVER"))), .token = environment("ALOFT_TOKEN")};
    if (const std::string fingerprint = environment("ALOFT_FINGERPRINT"); !fingerprint.empty())
      credentials.certificate = TRY(net::parse_fingerprint(fingerprint));
    return credentials;
  }
  const auto text = read_file(credentials_path(), 64U << 10);
  if (!text && text.error().code.number == kNotFound.number)
    return fail(kNotLoggedIn, "not logged in to a server; use `aloft login URL`, or set ALOFT_SERVER and ALOFT_TOKEN");
  if (!text) return fail(text.error());
  auto credentials = parse_credentials(*text);
  if (!credentials) return fail(std::move(credentials).error().within(credentials_path().string()));
  return credentials;
}

Result<> prepare_credentials() {
  const auto path = credentials_path();
  if (path.empty())
    return fail(kBadArgument, "neither HOME nor XDG_CONFIG_HOME is set to an absolute path, so the login cannot be kept anywhere; set one");
  std::error_code problem;
  std::filesystem::create_directories(path.parent_path(), problem);
  if (problem) return fail(system_error("cannot make folder", path.parent_path(), problem.value()));
  if (::access(path.parent_path().c_str(), W_OK) != 0) return fail(system_error("cannot write in", path.parent_path(), errno));
  return {};
}

Result<> save_credentials(const Credentials& credentials) {
  TRY(prepare_credentials());
  return replace_file(credentials_path(), to_text(credentials), 0600);
}

Result<> forget_credentials() {
  std::error_code problem;
  std::filesystem::remove(credentials_path(), problem);
  if (problem) return fail(system_error("cannot remove", credentials_path(), problem.value()));
  return {};
}

Result<std::string> server_address(std::string_view typed) {
  std::string address(typed);
  if (!address.contains("://")) address.insert(0, "https://");
  const auto host = address.find("://") + 3;
  address.erase(std::min(address.find_first_of("/?#", host), address.size()));
  const bool known = address.starts_with("https://") || address.starts_with("http://");
  if (!known || address.size() == host || address.find_first_of(" @\t\r\n", host) != std::string::npos)
    return fail(kBadArgument, "\"" + std::string(typed) + "\" is no server's address; it looks like https://server.example:8443");
  return address;
}

}  // namespace aloft::cli
