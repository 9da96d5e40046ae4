// What a route gets and gives.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "httpd/bell.hpp"
#include "httpd/target.hpp"

namespace aloft::httpd {

enum class Method : std::uint8_t { get, head, post, put, del };
std::string_view to_string(Method method);

// The body of a route that takes it piece by piece. Lives as long as the request.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // The next bytes, valid until the next call; empty at the end. Errors: kConnectionLost, kTooSlow, kRequestTooLarge, kBadRequest.
  virtual Awaitable<Result<std::string_view>> read() = 0;
};

// Names and values in one piece of memory: a request's header costs two allocations, however many there are.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> headers) {
    for (const auto& [name, value] : headers) add(name, value);
  }
  // name: in any case; kept in lower case.
  void add(std::string_view name, std::string_view value);
  // The first of that name (lower case), or "". Good until the next add().
  std::string_view find(std::string_view name) const;
  // How many there are of that name (lower case).
  std::size_t count(std::string_view name) const;

 private:
  struct Sizes {
    std::uint32_t name;
    std::uint32_t value;
  };
  std::string text_;  // name, value, name, value, ...
  std::vector<Sizes> sizes_;
};

// The credential that was found good last on a connection, and by whom, who then need not check it again. Sites share connections: for
// anybody else it is worth nothing.
struct Proven {
  std::uint64_t by = 0;
  std::string credential;
};

struct ClientCertificate;

struct Request {
  Method method = Method::get;
  Target target;
  // The route's, by Router::find; "" without a route. What a request may do is judged by it: one address can be written in many ways.
  std::string_view pattern;
  std::map<std::string, std::string, std::less<>> parameters;  // what stood for {name} in the route's pattern
  Headers headers;
  std::string body;  // empty on streaming routes
  std::optional<std::uint64_t> content_length;
  BodyStream* stream = nullptr;              // streaming routes only
  std::string peer;                          // address without port
  Bell departure;                            // rings when the client has gone away
  Proven* proven = nullptr;                  // of the connection; may be null
  ClientCertificate* certificate = nullptr;  // of the connection; null where the client has shown none

  // The first header of that name (lower case), or "".
  std::string_view header(std::string_view name) const { return headers.find(name); }
};

// A part of an open file.
struct FileBody {
  Fd file;
  std::uint64_t offset_bytes;
  std::uint64_t size_bytes;
};

// A body that comes in time: each call waits for the next piece; nothing ends it.
using LiveBody = std::function<Awaitable<std::optional<std::string>>()>;

struct Response {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::variant<std::string, FileBody, LiveBody> body;
};

Response json_response(unsigned status, const Json& json);
// {"error":{"number","name","message"}}, the one form of every error.
Response error_response(unsigned status, const Error& error);
// The same, with what Retry-After says.
Response busy_response(unsigned status, const Error& error, std::chrono::seconds wait);
// The reason phrase that stands behind a status on the wire.
std::string_view reason_of(unsigned status);

}  // namespace aloft::httpd
