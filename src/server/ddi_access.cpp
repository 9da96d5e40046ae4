#include "server/ddi_access.hpp"

#include <openssl/crypto.h>

#include <algorithm>

#include "ddi/errors.hpp"
#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"
#include "server/credentials.hpp"
#include "server/errors.hpp"
#include "server/parameters.hpp"
#include "server/quota_desk.hpp"

namespace aloft::server {
namespace {

using httpd::Request;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// What stands behind "<scheme> " in the header Authorization; schemes are written in any case (RFC 9110, section 11.1).
std::string_view credentials_of(const Request& request, std::string_view scheme) {
  const std::string_view header = request.header("authorization");
  if (header.size() <= scheme.size() || header[scheme.size()] != ' ' || lower(header.substr(0, scheme.size())) != lower(scheme)) return {};
  const std::size_t begin = header.find_first_not_of(' ', scheme.size());
  return begin == std::string_view::npos ? std::string_view{} : header.substr(begin);
}

bool same(const fleet::Digest& one, const fleet::Digest& other) { return CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0; }

std::unexpected<Error> refused(const std::string& device) {
  return fail(kNotAuthenticated,
              "device " + device +
                  " has to show who it is: with its own token (Authorization: TargetToken), a gateway's (GatewayToken) or "
                  "a certificate that names it");
}

}  // namespace

Result<> DdiAccess::load() {
  gateways_ = TRY(store_.ddi_gateways());
  const auto kept = TRY(store_.setting(kPollSetting));
  if (kept) poll_seconds_ = whole_number(*kept);
  return {};
}

void DdiAccess::remove_gateway(std::uint64_t id) {
  std::erase_if(gateways_, [id](const fleet::DdiGateway& gateway) { return gateway.id == id; });
}

const fleet::DdiGateway* DdiAccess::gateway_of(std::string_view secret) const {
  if (secret.empty()) return nullptr;
  const fleet::Digest hash = hash_of(secret);
  const auto found = std::ranges::find_if(gateways_, [&hash](const fleet::DdiGateway& gateway) { return same(gateway.hash, hash); });
  return found == gateways_.end() ? nullptr : &*found;
}

httpd::Awaitable<Result<>> DdiAccess::register_new(std::string device, const fleet::DdiGateway& gateway) {
  const fleet::DdiRegistration wanted{
      .name = device, .product = gateway.product, .hardware = gateway.hardware, .token_hash = {}, .now_ms = now_ms()};
  auto start = [this, &wanted](auto done) { store_.register_ddi_device(wanted, done); };
  const Result<fleet::Device> made = co_await httpd::delivered<Result<fleet::Device>>(start);
  if (!made) co_return std::unexpected(for_stranger(made.error()));
  devices_.put(device);
  roster_.put(*made);
  changes_.device(device);
  co_return Result<>{};
}

Result<bool> DdiAccess::shows(const Request& request, const std::string& device) const {
  if (request.certificate == nullptr || authorities_.all() == nullptr) return false;
  return TRY(authorities_.name_in(*request.certificate)) == device;
}

httpd::Awaitable<Result<std::string>> DdiAccess::device_of(const Request& request) {
  const std::string tenant = lower(request.parameters.at("tenant"));
  const bool ours = tenant == kDdiTenant || (!tenancy_.name.empty() && tenant == tenancy_.name);
  if (!ours && tenancy_.alone) co_return fail(ddi::kTenantUnknown, "there is no tenant " + tenant + "; the only one is \"default\"");
  std::string device = request.parameters.at("controller");
  if (!protocol::is_device_name(device))
    co_return fail(kBadParameter, "a controller's id has 1 to 64 of letters, digits, \".\", \"_\", \"-\"");
  if (!ours) co_return refused(device);  // as if it had come to a tenant that does not know it
  const fleet::DdiGateway* const gateway = gateway_of(credentials_of(request, "GatewayToken"));
  if (devices_.find(device) == nullptr && gateway != nullptr) {
    const fleet::DdiGateway copy = *gateway;
    const Result<> registered = co_await register_new(device, copy);
    if (!registered) co_return std::unexpected(registered.error());
  }
  const Roster::Entry* const entry = devices_.find(device) == nullptr ? nullptr : roster_.find(device);
  const std::string_view token = credentials_of(request, "TargetToken");
  const bool by_token =
      entry != nullptr && !token.empty() && entry->key_sha256 != fleet::Digest{} && same(hash_of(token), entry->key_sha256);
  // What is wrong with a certificate is told whether there is such a device or not.
  const bool shown = by_token || gateway != nullptr || CO_TRY(shows(request, device));
  if (!shown || entry == nullptr) co_return refused(device);
  CO_TRY(check_accepted(entry->status, device));
  roster_.touch(device, now_ms());
  co_return device;
}

Result<std::string> DdiAccess::base_of(const Request& request, const std::string& device) const {
  std::string origin = url_;
  if (origin.empty()) {
    const std::string_view host = request.header("host");
    const bool plain =
        host.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]") == std::string_view::npos;
    if (host.empty() || !plain) return fail(kBadParameter, "the header Host must name the server");
    origin = (tls_ ? "https://" : "http://") + std::string(host);
  }
  while (origin.ends_with('/')) origin.pop_back();
  return origin + "/" + request.parameters.at("tenant") + "/controller/v1/" + device;
}

}  // namespace aloft::server
