#include "server/tenant_name.hpp"

#include <algorithm>

#include "server/errors.hpp"

namespace aloft::server {
namespace {

bool is_label(std::string_view text, std::size_t max) {
  if (text.empty() || text.size() > max || text.front() == '-' || text.back() == '-') return false;
  return std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

Result<> check_tenant_name(std::string_view name) {
  if (!is_label(name, kMaxTenantNameBytes))
    return fail(kTenantName,
                "a tenant's name has 1 to 40 of a-z, 0-9 and \"-\", and no \"-\" at its ends, since it is part of a host name");
  if (name == "default") return fail(kTenantName, "\"default\" is the server's own site; choose another name");
  return {};
}

Result<> check_host_name(std::string_view host) {
  const auto refused = [] {
    return fail(kTenantHost, "a host name has parts of a-z, 0-9 and \"-\" with dots between them, as ota.example.com; no port, no address");
  };
  if (host.size() > 253) return refused();
  bool letters = false;
  for (std::string_view rest = host;;) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    if (!is_label(rest.substr(0, dot), 63)) return refused();
    letters = rest.find_first_not_of("0123456789") != std::string_view::npos;
    if (dot == rest.size()) break;
    rest.remove_prefix(dot + 1);
  }
  return letters ? Result<>{} : Result<>(refused());
}

std::string host_of(std::string_view header) {
  const std::size_t bracket = header.starts_with('[') ? header.find(']') : 0;
  if (bracket == std::string_view::npos) return {};
  std::string host(header.substr(0, std::min(header.find(':', bracket), header.size())));
  std::ranges::transform(host, host.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (host.ends_with('.')) host.pop_back();
  return host;
}

std::string_view label_under(std::string_view host, std::string_view domain) {
  if (host.size() <= domain.size() + 1 || !host.ends_with(domain)) return {};
  host.remove_suffix(domain.size());
  if (host.back() != '.') return {};
  host.remove_suffix(1);
  return host;
}

}  // namespace aloft::server
