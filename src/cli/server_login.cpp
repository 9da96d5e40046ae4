#include <CLI/CLI.hpp>

#include "base/errors.hpp"
#include "cli/server_commands.hpp"
#include "cli/server_errors.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"
#include "net/errors.hpp"

namespace aloft::cli {
namespace {

struct Login {
  std::string url;
  std::string user = "admin";
  std::string setup_token;
  std::string fingerprint;
  bool password_on_stdin = false;
  bool by_api_token = false;
};

// The certificate to pin: the one given; the one that the setup token names; none where the system's authorities vouch for the server;
// or the one shown, if a person says that it is right.
Result<std::optional<crypto::Digest>> certificate_to_pin(const Login& login, const std::string& server) {
  if (!login.fingerprint.empty()) return TRY(net::parse_fingerprint(login.fingerprint));
  if (const auto dot = login.setup_token.find('.'); dot != std::string::npos)
    return TRY(net::parse_fingerprint(login.setup_token.substr(dot + 1)));
  if (!server.starts_with("https:")) return std::nullopt;
  const auto http = TRY(net::HttpClient::create({}));
  const auto known = http->send({.url = server + "/healthz"});
  if (known) return std::nullopt;
  if (known.error().code.number != net::kTlsUntrusted.number) return fail(known.error());
  const auto shown = TRY(net::shown_certificate(server));
  TRY(ask_confirmation(server + " shows a certificate that nobody here knows. Its SHA-256 is\n  " + to_hex(shown) +
                       "\nThe server printed its own at its first start. Is it the same?"));
  return shown;
}

Result<std::string> password_of(const Login& login) {
  if (login.password_on_stdin) return read_line();
  std::string password = TRY(ask_password("Password of " + login.user + (login.setup_token.empty() ? ": " : ", at least 10 characters: ")));
  if (!login.setup_token.empty() && password != TRY(ask_password("The same again: ")))
    return fail(kNotConfirmed, "the two passwords differ");
  return password;
}

void warn_of_plain_http(const Credentials& credentials) {
  if (credentials.server.starts_with("http:")) print("Warning: http is not encrypted; everybody on the way can read the token.\n");
}

// With a token that was made in the console: for people whose password an identity provider keeps, which no program here ever sees.
Result<> log_in_by_token(const Login& login) {
  TRY(prepare_credentials());
  Credentials credentials{.server = TRY(server_address(login.url))};
  credentials.certificate = TRY(certificate_to_pin(login, credentials.server));
  credentials.token =
      login.password_on_stdin ? TRY(read_line()) : TRY(ask_password("API token, as the console's settings page makes it: "));
  auto session = TRY(ServerSession::open(credentials));
  const Json answer = TRY(session.get("/api/v1/session"));
  JsonObject object = TRY(JsonObject::of(answer, "session"));
  credentials.user = TRY(object.text("user"));
  TRY(save_credentials(credentials));
  print("Logged in to " + credentials.server + " as " + credentials.user + ", with an API token; logging out revokes it.\n");
  warn_of_plain_http(credentials);
  return {};
}

Result<> log_in(const Login& login) {
  TRY(prepare_credentials());
  Credentials credentials{.server = TRY(server_address(login.url)), .user = login.user};
  credentials.certificate = TRY(certificate_to_pin(login, credentials.server));
  auto session = TRY(ServerSession::open(credentials));
  const std::string password = TRY(password_of(login));
  const bool first = !login.setup_token.empty();
  Json body{{"user", login.user}, {"password", password}};
  if (first) body["token"] = login.setup_token;
  const Json answer = TRY(session.post(first ? "/api/v1/setup" : "/api/v1/login", body));
  JsonObject object = TRY(JsonObject::of(answer, "login"));
  credentials.token = TRY(object.text("token"));
  TRY(save_credentials(credentials));
  print("Logged in to " + credentials.server + " as " + login.user + (first ? ", the first administrator" : "") + ".\n");
  warn_of_plain_http(credentials);
  return {};
}

Result<> log_out() {
  if (environment_decides())
    return fail(kBadArgument,
                "ALOFT_SERVER and ALOFT_TOKEN are set, and nobody logged in by them; unset them to log out, or revoke the token with "
                "`aloft token revoke`");
  auto session = TRY(ServerSession::open_saved());
  const auto ended = session.post("/api/v1/logout", Json::object());
  TRY(forget_credentials());
  if (!ended && ended.error().code.number != net::kUnauthorized.number)
    return fail(Error(ended.error()).within("logged out here, but the server was not told"));
  print("Logged out of " + session.credentials().server + ".\n");
  return {};
}

}  // namespace

void add_login_commands(CLI::App& app, Run& run) {
  auto login = std::make_shared<Login>();
  CLI::App* command = app.add_subcommand("login", "Log in to a server; later commands use the same one");
  command->add_option("URL", login->url, "The server's address, such as https://updates.example:8443")->required();
  command->add_option("--user", login->user, "Name of the operator")->capture_default_str();
  command->add_option("--setup", login->setup_token, "One-time token that the server's first start printed: make the first administrator");
  command->add_option("--fingerprint", login->fingerprint, "SHA-256 of the server's certificate: believe exactly this one, ask nothing");
  command->add_flag("--password-stdin", login->password_on_stdin, "Read the password, or the token, from standard input");
  command
      ->add_flag("--api-token", login->by_api_token, "With an API token made in the console: for those who sign in at a company's provider")
      ->excludes("--user")
      ->excludes("--setup");
  command->footer(
      "Where the certificate is from a known authority, it is checked as a browser does. Otherwise it is pinned: by --fingerprint, by\n"
      "the setup token, or by a question on the terminal.\n"
      "In CI, set ALOFT_SERVER, ALOFT_TOKEN and, where needed, ALOFT_FINGERPRINT instead of logging in.");
  command->callback([&run, login] { run = [login] { return login->by_api_token ? log_in_by_token(*login) : log_in(*login); }; });
  app.add_subcommand("logout", "End the session and forget it")->callback([&run] { run = log_out; });
}

}  // namespace aloft::cli
