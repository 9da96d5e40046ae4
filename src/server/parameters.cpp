#include "server/parameters.hpp"

#include <charconv>

#include "fleet/fleet.hpp"
#include "server/errors.hpp"

namespace aloft::server {
namespace {

constexpr std::size_t kMaxUserNameBytes = 5 + 3 * 255;  // "oidc:", and a subject with each character escaped

}  // namespace

Result<Json> json_body(const httpd::Request& request) { return parse_json(request.body); }

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<std::uint64_t> id_parameter(const httpd::Request& request) {
  const auto id = whole_number(request.parameters.at("id"));
  if (!id || *id == 0 || *id > fleet::kMaxDeploymentId)
    return fail(kBadParameter, "an id in a path is a whole number from 1 to 2147483647");
  return *id;
}

Result<std::string> user_parameter(const httpd::Request& request) {
  const std::string& name = request.parameters.at("name");
  if (protocol::is_device_name(name) || (name.starts_with("oidc:") && name.size() <= kMaxUserNameBytes)) return name;
  return fail(kBadParameter, "the path has no user's name where one must stand");
}

Result<std::string> name_parameter(const httpd::Request& request) {
  const std::string& name = request.parameters.at("name");
  if (!protocol::is_device_name(name)) return fail(kBadParameter, "the path has no device's name where one must stand");
  return name;
}

std::optional<std::string> query_text(const httpd::Request& request, const char* name) {
  const auto found = request.target.query.find(name);
  if (found == request.target.query.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<std::uint64_t>> query_number(const httpd::Request& request, const char* name, std::uint64_t max) {
  const auto text = query_text(request, name);
  if (!text) return std::nullopt;
  const auto number = whole_number(*text);
  if (!number || *number > max)
    return fail(kBadParameter, "\"" + std::string(name) + "\" in the query must be a whole number up to " + std::to_string(max));
  return number;
}

Result<std::optional<bool>> query_boolean(const httpd::Request& request, const char* name) {
  const auto text = query_text(request, name);
  if (!text) return std::nullopt;
  if (*text != "true" && *text != "false") return fail(kBadParameter, "\"" + std::string(name) + "\" in the query must be true or false");
  return *text == "true";
}

Result<std::size_t> query_limit(const httpd::Request& request) {
  const std::uint64_t limit = TRY(query_number(request, "limit", kMaxListed)).value_or(100);
  if (limit == 0) return fail(kBadParameter, "\"limit\" in the query must be at least 1");
  return limit;
}

std::string_view bearer_of(const httpd::Request& request) {
  const std::string_view header = request.header("authorization");
  constexpr std::string_view kBearer = "Bearer ";
  return header.starts_with(kBearer) ? header.substr(kBearer.size()) : std::string_view{};
}

}  // namespace aloft::server
