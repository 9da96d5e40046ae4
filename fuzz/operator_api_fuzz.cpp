// The operator API as an administrator reaches it: a line "METHOD TARGET", then the body. Every request is answered, whatever is in it, and
// none is an error of the server's own.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <string>

#include "fleet/sqlite_store.hpp"
#include "httpd/workers.hpp"
#include "memory_folder.hpp"
#include "server/credentials.hpp"
#include "server/site.hpp"

namespace {

using namespace aloft;

constexpr std::size_t kMostRequests = 500;  // of one site, so that what it has stays little

class AdministeredSite {
 public:
  AdministeredSite() {
    require(site_.load().has_value());
    const auto session = answer("POST /api/v1/setup", R"({"token":"one-time","user":"admin","password":"a long enough password"})");
    require(session && session->status < 300);
    const auto token = parse_json(std::get<std::string>(session->body));
    authorization_ = "Bearer " + token->at("token").get<std::string>();
  }
  ~AdministeredSite() {
    site_.stop();
    loop_.restart();
    loop_.run();
  }
  AdministeredSite(const AdministeredSite&) = delete;
  AdministeredSite& operator=(const AdministeredSite&) = delete;

  // Nothing where no route takes such a request whole.
  std::optional<httpd::Response> answer(std::string_view line, std::string_view body) {
    ++requests_;
    clock_.advance(std::chrono::seconds(1));  // or it would have had too many at once
    httpd::Request request{.headers = {{"authorization", authorization_}}, .peer = "192.0.2.1"};
    if (!read(line, request)) return std::nullopt;
    const auto route = site_.router().find(request);
    if (!route || (*route)->body == httpd::BodyMode::stream || body.size() > (*route)->max_body_bytes) return std::nullopt;
    request.body = body;
    request.content_length = body.size();
    std::optional<Result<httpd::Response>> answered;
    boost::asio::co_spawn(loop_, take(**route, request, answered), boost::asio::detached);
    loop_.restart();
    while (!answered) loop_.run_one();
    if (!*answered) return httpd::error_response(site_.router().error_status(answered->error()), answered->error());
    return **std::move(answered);
  }
  bool used_up() const { return requests_ >= kMostRequests; }

 private:
  static bool read(std::string_view line, httpd::Request& request) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return false;
    auto target = httpd::parse_target(line.substr(space + 1));
    if (!target || !target->path.starts_with("/api/v1/")) return false;
    request.target = *std::move(target);
    for (const auto method : {httpd::Method::get, httpd::Method::post, httpd::Method::put, httpd::Method::del}) {
      request.method = method;
      if (httpd::to_string(method) == line.substr(0, space)) return true;
    }
    return false;
  }
  static httpd::Awaitable<void> take(const httpd::Route& route, httpd::Request& request, std::optional<Result<httpd::Response>>& answered) {
    Result<httpd::Response> made = co_await route.handler(request);
    answered.emplace(std::move(made));
  }

  MemoryFolder folder_;
  boost::asio::io_context loop_;
  httpd::Workers passwords_{1};
  httpd::Workers bench_{1};
  std::unique_ptr<fleet::SqliteStore> store_ = fleet::SqliteStore::open(folder_.path() / "fleet.db").value();
  fleet::BlobFolder blobs_ = fleet::BlobFolder::open(folder_.path()).value();
  FakeClock clock_;
  SeededRandom random_{1};
  server::Site site_{{.loop = loop_,
                      .passwords = passwords_,
                      .bench = bench_,
                      .store = *store_,
                      .blobs = blobs_,
                      .trust = nullptr,
                      .tls = nullptr,
                      .clock = clock_,
                      .random = random_},
                     Bytes(32, std::byte{7}),
                     "one-time",
                     {}};
  std::string authorization_;
  std::size_t requests_ = 0;
};

}  // namespace

extern "C" int operator_api_fuzz(const std::uint8_t* data, std::size_t size) {
  static std::optional<AdministeredSite> site;
  if (!site || site->used_up()) site.emplace();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\n'), size);
  const auto response = site->answer(text.substr(0, end), text.substr(std::min(end + 1, size)));
  if (!response) return 0;
  require(response->status != 500);
  if (response->status == 401) site.reset();  // it has ended its own session
  return 0;
}
