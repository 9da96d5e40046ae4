// The operator API (docs/openapi.yaml) as the commands use it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "cli/credentials.hpp"
#include "net/http_client.hpp"

namespace aloft::cli {

class ServerSession {
 public:
  // Connects at the first request.
  static Result<ServerSession> open(Credentials credentials);
  // As the operator logged in last.
  static Result<ServerSession> open_saved();

  // path: "/api/v1/...". Errors: the server's (see net::expect_success), 7000-7099, kBadJson.
  Result<Json> get(const std::string& path);
  Result<Json> post(const std::string& path, const Json& body);
  Result<Json> put(const std::string& path, const Json& body);
  // POST where the answer has no body.
  Result<> order(const std::string& path, const Json& body);
  Result<> remove(const std::string& path);
  // With the credentials and address filled in.
  Result<net::Response> send(net::Request request, const std::string& path);

  // Every element of a list in pages: `list` names it in the answer, `next` the member that leads on, `parameter` where that goes.
  // At most limit of them.
  struct Listing {
    std::string path;  // with its query, if any
    std::string list;
    std::string next;
    std::string parameter;
  };
  Result<std::vector<Json>> list(const Listing& listing, std::size_t limit);

  const Credentials& credentials() const { return credentials_; }

 private:
  ServerSession(Credentials credentials, std::unique_ptr<net::HttpClient> http)
      : credentials_(std::move(credentials)), http_(std::move(http)) {}
  Credentials credentials_;
  std::unique_ptr<net::HttpClient> http_;
};

// Percent-encoded, for one part of a path or query.
std::string url_part(std::string_view text);

}  // namespace aloft::cli
