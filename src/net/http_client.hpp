// Requests to one or a few HTTP servers over libcurl: connections are kept and used again.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/tls_trust.hpp"

namespace aloft::net {

struct Header {
  std::string name;
  std::string value;
};

struct Timeouts {
  std::chrono::milliseconds connect{15'000};
  std::chrono::milliseconds stall{60'000};  // without one byte in either direction; 0: none. A long poll needs more than it waits for
  std::chrono::milliseconds total{0};       // for the whole exchange; 0: none
};

// Where a request may go. public_only: only to addresses of the public internet (public_address.hpp), judged at the moment of connecting,
// when the name has been resolved; and past no proxy, which would connect in our place.
enum class Reach : std::uint8_t { any, public_only };

struct Request {
  std::string method = "GET";
  std::string url;  // http or https
  std::vector<Header> headers;
  std::string body;                                // sent with every method but GET and HEAD
  std::optional<std::filesystem::path> body_file;  // sent instead of body, streamed
  std::uint64_t max_body_bytes = 1U << 20;         // of the answer; more is kBodyTooLarge. Does not bound what goes to the sink
  std::function<Result<>(ByteView)> sink;          // takes the body of a 2xx answer, piece by piece; its error ends the exchange
  std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;  // of body_file, or of the sink (total 0: unknown)
  Timeouts timeouts;
  Reach reach = Reach::any;
};

struct Response {
  unsigned status = 0;
  std::vector<Header> headers;
  std::string body;  // empty when a sink took it

  // The first header of that name, in any case.
  std::optional<std::string_view> header(std::string_view name) const;
};

// What the agent and the tools need of HTTP, so that tests can answer in a server's place.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  // Sends and waits for the whole answer; every status is an answer, not an error. Redirects are not followed. One thread at a time.
  // Errors: 7000-7099 (kAddressNotPublic by `reach`), file errors of body_file, the sink's.
  virtual Result<Response> send(const Request& request) = 0;
};

class HttpClient final : public HttpTransport {
 public:
  static Result<std::unique_ptr<HttpClient>> create(TlsOptions tls);
  ~HttpClient() override;
  Result<Response> send(const Request& request) override;
  // From any thread: the exchange under way and all later ones end with kCancelled.
  void cancel();

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The answer if its status is 2xx or 304; else the server's own error (protocol::ErrorReply) where the body is one. Errors: kUnauthorized
// for 401, kServerBusy for 408, 425, 429 and 5xx, kServerRefused for the rest.
Result<Response> expect_success(Response response, std::string_view url);

// The address without user, password and fragment, and with "..." for its query, which may hold a signature: for messages and logs.
std::string without_secrets(const std::string& url);

}  // namespace aloft::net
