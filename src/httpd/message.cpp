#include "httpd/message.hpp"

#include <algorithm>

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

std::string_view Request::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string_view{} : found->second;
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

std::string_view reason_of(unsigned status) {
  static const std::map<unsigned, std::string_view> kReasons{{200, "OK"},
                                                             {201, "Created"},
                                                             {204, "No Content"},
                                                             {206, "Partial Content"},
                                                             {303, "See Other"},
                                                             {304, "Not Modified"},
                                                             {400, "Bad Request"},
                                                             {401, "Unauthorized"},
                                                             {403, "Forbidden"},
                                                             {404, "Not Found"},
                                                             {405, "Method Not Allowed"},
                                                             {408, "Request Timeout"},
                                                             {409, "Conflict"},
                                                             {410, "Gone"},
                                                             {411, "Length Required"},
                                                             {412, "Precondition Failed"},
                                                             {413, "Content Too Large"},
                                                             {416, "Range Not Satisfiable"},
                                                             {422, "Unprocessable Content"},
                                                             {429, "Too Many Requests"},
                                                             {431, "Request Header Fields Too Large"},
                                                             {500, "Internal Server Error"},
                                                             {503, "Service Unavailable"},
                                                             {507, "Insufficient Storage"}};
  const auto found = kReasons.find(status);
  return found == kReasons.end() ? "Status" : found->second;
}

}  // namespace aloft::httpd
