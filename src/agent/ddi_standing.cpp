#include "agent/ddi_standing.hpp"

#include <algorithm>

#include "agent/ddi_link.hpp"
#include "agent/errors.hpp"
#include "agent/identity.hpp"
#include "agent/words.hpp"
#include "base/file.hpp"
#include "net/web_address.hpp"

namespace aloft::agent {
namespace {

constexpr std::chrono::seconds kDdiRequestLimit{60};
constexpr std::size_t kMaxWordsBytes = 300;

Result<std::string> token_in(const std::filesystem::path& file) {
  const std::string content = TRY(read_file(file, kMaxTokenBytes));
  const std::string_view text = trimmed(content);
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; }))
    return fail(kConfigValue, file.string() + " must hold one token: printable characters, no blank within");
  return std::string(text);
}

}  // namespace

DdiStanding::DdiStanding(ServerConfig config, DeviceFacts facts, Clock& clock)
    : config_(std::move(config)),
      facts_(std::move(facts)),
      base_(config_.url + "/" + net::path_segment(config_.hawkbit->tenant) + "/controller/v1/" + net::path_segment(facts_.name)),
      clock_(clock),
      retry_after_(clock) {}

Result<net::TlsOptions> DdiStanding::tls() const {
  net::TlsOptions options{.trust = TRY(server_trust(config_, {})), .client = {}};
  const HawkbitConfig& hawkbit = *config_.hawkbit;
  if (!hawkbit.client_cert.empty())
    options.client = net::ClientCertificate{.certificate_file = hawkbit.client_cert, .key_file = hawkbit.client_key};
  return options;
}

bool DdiStanding::owns(const std::string& address) const {
  const std::string origin = net::origin_of(address);
  return !origin.empty() && origin == net::origin_of(config_.url);
}

std::string DdiStanding::absolute(const std::string& href) const {
  if (href.starts_with('/') && !href.starts_with("//")) return config_.url + href;
  return net::origin_of(href).empty() ? "" : href;
}

Result<std::vector<net::Header>> DdiStanding::authorization(net::Credentials) {
  const HawkbitConfig& hawkbit = *config_.hawkbit;
  if (!hawkbit.target_token_file.empty())
    return std::vector<net::Header>{{"Authorization", "TargetToken " + TRY(token_in(hawkbit.target_token_file))}};
  if (!hawkbit.gateway_token_file.empty())
    return std::vector<net::Header>{{"Authorization", "GatewayToken " + TRY(token_in(hawkbit.gateway_token_file))}};
  return std::vector<net::Header>{};
}

std::unique_ptr<ServerLink> DdiStanding::connect(ReportSpool& spool, const std::filesystem::path& state_dir, ServerListener listener) {
  return std::make_unique<DdiLink>(*this, spool, state_dir, std::move(listener), clock_);
}

Result<net::Response> DdiStanding::send(net::HttpTransport& transport, const std::string& method, const std::string& path, const Json* body,
                                        const std::string& etag) {
  net::Request request;
  request.method = method;
  request.url = base_ + path;
  request.headers = TRY(authorization(net::Credentials::current));
  request.headers.push_back({"Accept", "application/json"});
  if (!etag.empty()) request.headers.push_back({"If-None-Match", etag});
  if (body != nullptr) request.headers.push_back({"Content-Type", "application/json"});
  if (body != nullptr) request.body = body->dump(-1, ' ', false, Json::error_handler_t::replace);
  request.timeouts.total = kDdiRequestLimit;
  auto response = TRY(transport.send(request));
  retry_after_.note(response);
  return response;
}

Result<net::Response> ddi_success(net::Response response, const std::string& what) {
  std::string words;
  if (response.status >= 400) {
    if (const auto json = parse_json(response.body); json && json->is_object())
      for (const char* key : {"errorCode", "message"})
        if (const auto found = json->find(key); found != json->end() && found->is_string()) words += ": " + found->get<std::string>();
    response.body.clear();
  }
  auto good = net::expect_success(std::move(response), what);
  if (good || words.empty()) return good;
  std::ranges::replace_if(words, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return fail(good.error().code, good.error().message + words.substr(0, kMaxWordsBytes));
}

}  // namespace aloft::agent
