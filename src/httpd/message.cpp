#include "httpd/message.hpp"

namespace aloft::httpd {

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get: return "GET";
    case Method::head: return "HEAD";
    case Method::post: return "POST";
    case Method::put: return "PUT";
    case Method::del: return "DELETE";
  }
  return "";
}

void Headers::add(std::string_view name, std::string_view value) {
  if (sizes_.empty()) {
    sizes_.reserve(12);
    text_.reserve(512);
  }
  for (const char c : name) text_ += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  text_ += value;
  sizes_.push_back({.name = static_cast<std::uint32_t>(name.size()), .value = static_cast<std::uint32_t>(value.size())});
}

std::string_view Headers::find(std::string_view name) const {
  std::string_view rest = text_;
  for (const Sizes& sizes : sizes_) {
    if (rest.substr(0, sizes.name) == name) return rest.substr(sizes.name, sizes.value);
    rest.remove_prefix(sizes.name + sizes.value);
  }
  return {};
}

std::size_t Headers::count(std::string_view name) const {
  std::size_t count = 0;
  std::string_view rest = text_;
  for (const Sizes& sizes : sizes_) {
    if (rest.substr(0, sizes.name) == name) ++count;
    rest.remove_prefix(sizes.name + sizes.value);
  }
  return count;
}

Response json_response(unsigned status, const Json& json) {
  Response response{.status = status, .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}}};
  response.body = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

Response error_response(unsigned status, const Error& error) {
  const Json json{{"error", Json{{"number", error.code.number}, {"name", error.code.name}, {"message", error.message}}}};
  Response response = json_response(status, json);
  if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "5");
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

Response busy_response(unsigned status, const Error& error, std::chrono::seconds wait) {
  Response response = error_response(status, error);
  std::erase_if(response.headers, [](const auto& header) { return header.first == "Retry-After"; });
  response.headers.emplace_back("Retry-After", std::to_string(wait.count()));
  return response;
}

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 416: return "Range Not Satisfiable";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

}  // namespace aloft::httpd
