#include "net/http_client.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "net/errors.hpp"
#include "net/transfer.hpp"
#include "protocol/messages.hpp"

namespace aloft::net {
namespace {

struct Upload {
  Fd file;
  std::uint64_t size_bytes = 0;
  std::uint64_t sent_bytes = 0;
};

Result<Upload> open_upload(const std::filesystem::path& path) {
  Upload upload{.file = TRY(open_file(path, O_RDONLY))};
  struct stat facts{};
  if (::fstat(upload.file.get(), &facts) != 0) return fail(system_error("cannot inspect", path, errno));
  if (!S_ISREG(facts.st_mode)) return fail(kBadArgument, path.string() + " is not a regular file; only files can be sent");
  upload.size_bytes = static_cast<std::uint64_t>(facts.st_size);
  return upload;
}

bool is_good(unsigned status) { return status >= 200 && status < 300; }

ErrorCode code_of_status(unsigned status) {
  if (status == 401) return kUnauthorized;
  if (status == 408 || status == 425 || status == 429 || status >= 500) return kServerBusy;
  return kServerRefused;
}

// One exchange: what goes out, and where what comes in is kept.
struct Exchange {
  Transfer& transfer;
  const Request& request;
  Response response{};
  std::optional<Upload> upload{};
  std::optional<Error> failure{};
  std::uint64_t received_bytes = 0;

  Transfer::Verdict take_body(ByteView piece);
  std::optional<std::size_t> give_upload(MutableByteView buffer);
  void set_method();
  Result<Response> run();
};

Transfer::Verdict Exchange::take_body(ByteView piece) {
  if (request.sink && is_good(transfer.head().status)) {
    auto taken = request.sink(piece);
    if (!taken) {
      failure = std::move(taken).error();
      return Transfer::Verdict::stop;
    }
    received_bytes += piece.size();
    if (request.progress) request.progress(received_bytes, transfer.content_length().value_or(0));
    return Transfer::Verdict::taken;
  }
  if (response.body.size() + piece.size() > request.max_body_bytes) {
    failure = Error{kBodyTooLarge, "the answer of " + without_secrets(request.url) + " is larger than " +
                                       std::to_string(request.max_body_bytes) + " bytes"};
    return Transfer::Verdict::stop;
  }
  response.body += as_text(piece);
  return Transfer::Verdict::taken;
}

std::optional<std::size_t> Exchange::give_upload(MutableByteView buffer) {
  const std::uint64_t left = upload->size_bytes - upload->sent_bytes;
  auto count = read_full(upload->file.get(), buffer.first(std::min<std::uint64_t>(buffer.size(), left)));
  if (count && *count == 0 && left > 0)
    count = fail(kUnexpectedEnd, request.body_file->string() + " became shorter while it was being sent");
  if (!count) {
    failure = std::move(count).error();
    return std::nullopt;
  }
  upload->sent_bytes += *count;
  if (request.progress) request.progress(upload->sent_bytes, upload->size_bytes);
  return *count;
}

void Exchange::set_method() {
  CURL* easy = transfer.handle();
  if (upload) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(upload->size_bytes));
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
  } else if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  if (request.method != "HEAD") curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

Result<Response> Exchange::run() {
  if (request.body_file) upload = TRY(open_upload(*request.body_file));
  Transfer::Setup setup{.url = request.url,
                        .headers = request.headers,
                        .connect_timeout = request.timeouts.connect,
                        .stall_timeout = request.timeouts.stall,
                        .total_timeout = request.timeouts.total,
                        .reach = request.reach,
                        .on_body = [this](ByteView piece) { return take_body(piece); }};
  if (upload) setup.on_upload = [this](MutableByteView buffer) { return give_upload(buffer); };
  TRY(transfer.prepare(std::move(setup)));
  set_method();
  auto done = transfer.drive([] { return false; });
  if (failure) return fail(std::move(*failure));
  if (!done) return fail(std::move(done).error());
  response.status = transfer.head().status;
  response.headers = transfer.head().headers;
  return std::move(response);
}

}  // namespace

std::optional<std::string_view> Response::header(std::string_view name) const { return find_header(headers, name); }

struct HttpClient::State {
  std::unique_ptr<Transfer> transfer;
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::create(TlsOptions tls) {
  auto transfer = TRY(Transfer::create(std::move(tls)));
  return std::unique_ptr<HttpClient>(new HttpClient(std::make_unique<State>(State{std::move(transfer)})));
}

Result<Response> HttpClient::send(const Request& request) { return Exchange{.transfer = *state_->transfer, .request = request}.run(); }

void HttpClient::cancel() { state_->transfer->cancel(); }

Result<Response> expect_success(Response response, std::string_view url) {
  if (is_good(response.status) || response.status == 304) return response;
  const ErrorCode code = code_of_status(response.status);
  std::string message = without_secrets(std::string(url)) + " answered " + std::to_string(response.status);
  if (const auto json = parse_json(response.body)) {
    if (const auto reply = protocol::from_json<protocol::ErrorReply>(*json))
      message += ": E" + std::to_string(reply->number) + " " + reply->name + ": " + reply->message;
  }
  return fail(code, std::move(message));
}

std::string without_secrets(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
  if (parts == nullptr || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return "(malformed address)";
  curl_url_set(parts.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(parts.get(), CURLUPART_PASSWORD, nullptr, 0);
  curl_url_set(parts.get(), CURLUPART_QUERY, nullptr, 0);
  curl_url_set(parts.get(), CURLUPART_FRAGMENT, nullptr, 0);
  char* text = nullptr;
  if (curl_url_get(parts.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) return "(malformed address)";
  std::string shown(text);
  curl_free(text);
  const bool has_query = std::string_view(url).substr(0, url.find('#')).contains('?');
  return has_query ? shown + "?..." : shown;
}

}  // namespace aloft::net
