// Reading what a request brings: numbers, JSON, tokens. Errors: kBadParameter, kBadJson.
#pragma once

#include <optional>
#include <string>

#include "httpd/message.hpp"

namespace aloft::server {

inline constexpr std::uint64_t kMaxListed = 1000;
inline constexpr std::uint64_t kMaxJsonBytes = 64U << 10;
inline constexpr std::uint64_t kMaxReportsBytes = 2U << 20;
inline constexpr std::uint64_t kMaxInventoryBytes = 512U << 10;

Result<Json> json_body(const httpd::Request& request);
// {id} of the path: 1 .. 2^31-1.
Result<std::uint64_t> id_parameter(const httpd::Request& request);
// {name} of the path, or what is given: a device's name.
// A user's: also of one from outside. Errors: kBadParameter.
Result<std::string> user_parameter(const httpd::Request& request);
Result<std::string> name_parameter(const httpd::Request& request);
// A member of the query.
Result<std::optional<std::uint64_t>> query_number(const httpd::Request& request, const char* name, std::uint64_t max);
std::optional<std::string> query_text(const httpd::Request& request, const char* name);
Result<std::optional<bool>> query_boolean(const httpd::Request& request, const char* name);
Result<std::size_t> query_limit(const httpd::Request& request);  // 1 .. kMaxListed; 100 when not given
// A decimal number that fills the text.
std::optional<std::uint64_t> whole_number(std::string_view text);
// What stands behind "Authorization: Bearer ", or "".
std::string_view bearer_of(const httpd::Request& request);

}  // namespace aloft::server
