#include "agent/server_session.hpp"

#include <algorithm>

#include "agent/aloft_link.hpp"
#include "agent/errors.hpp"
#include "agent/identity.hpp"
#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "crypto/public_key.hpp"
#include "net/errors.hpp"
#include "protocol/messages.hpp"

namespace aloft::agent {
namespace {

constexpr std::chrono::seconds kSessionRequestLimit{30};
constexpr std::uint64_t kMaxLifetimeSeconds = 7 * 24 * 3600;

bool is(const Error& error, const ErrorCode& code) { return error.code.number == code.number; }

std::filesystem::path enrolled_file(const std::filesystem::path& state_dir) { return state_dir / "enrolled"; }

}  // namespace

ServerSession::ServerSession(ServerConfig config, std::filesystem::path state_dir, DeviceFacts facts, Clock& clock)
    : config_(std::move(config)), state_dir_(std::move(state_dir)), facts_(std::move(facts)), clock_(clock), retry_after_(clock) {
  const auto kept = read_file(enrolled_file(state_dir_), 4096);
  enrolled_ = kept && *kept == config_.url + "\n";
}

Result<net::TlsOptions> ServerSession::tls() const {
  return net::TlsOptions{.trust = TRY(server_trust(config_, state_dir_)), .client = {}};
}

bool ServerSession::owns(const std::string& address) const {
  return address.starts_with(config_.url + std::string(protocol::kArtifactPath));
}

std::unique_ptr<ServerLink> ServerSession::connect(ReportSpool& spool, const std::filesystem::path& state_dir, ServerListener listener) {
  {
    // People may want to compare it before the server can be reached.
    const std::lock_guard lock(mutex_);
    if (const auto had = have_key(); !had) log::debug("the device key is not there yet: " + had.error().text());
  }
  return std::make_unique<AloftLink>(*this, spool, state_dir / "logs", std::move(listener));
}

std::string ServerSession::key_sha256() const {
  const std::lock_guard lock(shown_mutex_);
  return key_sha256_;
}

Result<> ServerSession::have_key() {
  if (key_) return {};
  crypto::PrivateKey key = TRY(load_or_make_device_key(state_dir_));
  std::string digest = to_hex(TRY(crypto::public_key_sha256(key.native())));
  key_ = std::move(key);
  const std::lock_guard lock(shown_mutex_);
  key_sha256_ = std::move(digest);
  return {};
}

Result<Json> ServerSession::post(net::HttpTransport& transport, std::string_view path, const Json& body) {
  net::Request request;
  request.method = "POST";
  request.url = config_.url + std::string(path);
  request.headers = {{"Content-Type", "application/json"}};
  request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  request.timeouts.total = kSessionRequestLimit;
  const auto response = TRY(net::expect_success(TRY(exchange(transport, request)), request.url));
  return parse_json(response.body);
}

Result<net::Response> ServerSession::exchange(net::HttpTransport& transport, const net::Request& request) {
  auto response = TRY(transport.send(request));
  retry_after_.note(response);
  return response;
}

Result<> ServerSession::enrol(net::HttpTransport& transport) {
  const auto token = TRY(read_enrol_token(config_));
  protocol::EnrolRequest request{.name = facts_.name,
                                 .public_key = key_->public_pem(),
                                 .product = facts_.product,
                                 .hardware = facts_.hardware,
                                 .version = facts_.version,
                                 .token = token ? std::optional(token->secret) : std::nullopt};
  auto answer = post(transport, protocol::kEnrolPath, protocol::to_json(request));
  if (!answer && request.token && !is(answer.error(), net::kServerBusy) && answer.error().code.kind != ErrorKind::retry) {
    log::warning("the server did not take the enrolment token (" + answer.error().text() + "); asking to be accepted without it");
    request.token.reset();
    answer = post(transport, protocol::kEnrolPath, protocol::to_json(request));
  }
  const auto reply = TRY(protocol::from_json<protocol::EnrolReply>(TRY(std::move(answer))));
  if (!reply.accepted)
    return fail(kNotAccepted, "the server knows device \"" + facts_.name +
                                  "\" but nobody has accepted it yet; accept it there: aloft device accept " + facts_.name);
  // A state folder that cannot be written is no reason not to talk to the server: the next start enrols again with the same key.
  Result<> kept = token ? keep_pin(state_dir_, token->certificate) : Result<>();
  if (kept) kept = replace_file(enrolled_file(state_dir_), config_.url + "\n", 0644);
  if (!kept) log::warning("that this device is enrolled is not kept: " + kept.error().text());
  enrolled_ = true;
  log::info("enrolled at " + config_.url + " as " + facts_.name);
  return {};
}

Result<> ServerSession::prove(net::HttpTransport& transport) {
  const auto challenge = TRY(protocol::from_json<protocol::ChallengeReply>(
      TRY(post(transport, protocol::kChallengePath, protocol::to_json(protocol::ChallengeRequest{.name = facts_.name})))));
  const Bytes signature = TRY(key_->sign(as_bytes(protocol::challenge_text(facts_.name, challenge.nonce))));
  const protocol::TokenRequest proof{.name = facts_.name, .nonce = challenge.nonce, .signature = to_base64url(signature)};
  const auto reply = TRY(protocol::from_json<protocol::TokenReply>(TRY(post(transport, protocol::kTokenPath, protocol::to_json(proof)))));
  if (reply.token.empty() || reply.token.find_first_of(" \r\n") != std::string::npos)
    return fail(kServerAnswer, "the server's token is not one");
  token_ = reply.token;
  const std::chrono::seconds lifetime(std::min(reply.expires_in_s, kMaxLifetimeSeconds));
  token_expires_ = clock_.steady() + lifetime - lifetime / 10;
  return {};
}

Result<std::string> ServerSession::token(net::HttpTransport& transport, net::Credentials credentials) {
  const std::lock_guard lock(mutex_);
  if (credentials == net::Credentials::current && !token_.empty() && clock_.steady() < token_expires_) return token_;
  token_.clear();
  TRY(have_key());
  if (!enrolled_) TRY(enrol(transport));
  const auto proven = prove(transport);
  if (!proven && (is(proven.error(), net::kUnauthorized) || is(proven.error(), net::kServerRefused))) {
    enrolled_ = false;  // the server has forgotten us, or put us out: the next attempt asks anew
    log::warning("the server does not take this device's key: " + proven.error().text());
  }
  TRY(std::move(proven));
  return token_;
}

Result<net::Response> ServerSession::send(net::HttpTransport& transport, net::Request request) {
  request.url = config_.url + request.url;
  const auto headers = request.headers;
  for (const net::Credentials credentials : {net::Credentials::current, net::Credentials::renewed}) {
    request.headers = headers;
    request.headers.push_back({"Authorization", "Bearer " + TRY(token(transport, credentials))});
    auto response = TRY(exchange(transport, request));
    if (response.status != 401 || credentials == net::Credentials::renewed) return net::expect_success(std::move(response), request.url);
  }
  return fail(kServerAnswer, "the server refuses the token that it has just given");
}

Result<std::vector<net::Header>> ServerSession::authorization(net::Credentials credentials) {
  const auto client = TRY(net::HttpClient::create(TRY(tls())));
  return std::vector<net::Header>{{"Authorization", "Bearer " + TRY(token(*client, credentials))}};
}

}  // namespace aloft::agent
