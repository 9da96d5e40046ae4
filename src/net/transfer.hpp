// One libcurl transfer after another on one handle, driven by the thread that calls. What HttpClient and RangeSource stand on.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/http_client.hpp"
#include "net/tls_trust.hpp"

namespace aloft::net {

// The status line and headers of the latest answer; an earlier one's (100, a redirect) are forgotten.
struct Head {
  unsigned status = 0;  // 0 for protocols without one
  std::vector<Header> headers;
};

// The first header of that name, in any case.
std::optional<std::string_view> find_header(const std::vector<Header>& headers, std::string_view name);

class Transfer {
 public:
  enum class Verdict : std::uint8_t { taken, pause, stop };
  enum class Progress : std::uint8_t { ready, finished };
  // Called with each piece of the body (at most 16 KiB): takes all of it, or asks for it again later, or ends the transfer.
  using OnBody = std::function<Verdict(ByteView)>;
  // Fills the buffer with what is to be sent; 0 ends it, nothing fails it.
  using OnUpload = std::function<std::optional<std::size_t>(MutableByteView)>;

  struct Setup {
    std::string url;
    const char* protocols = "http,https";
    std::vector<Header> headers;
    std::chrono::milliseconds connect_timeout{};
    std::chrono::milliseconds stall_timeout{};
    std::chrono::milliseconds total_timeout{};
    Reach reach = Reach::any;
    std::uint32_t ahead_bytes = 0;  // bound of the socket's receive buffer, for the connections that this transfer opens; 0: the kernel's
    std::string known_hosts;        // for sftp: what is not in this file is refused
    std::string ssh_key;
    OnBody on_body;
    OnUpload on_upload;
  };

  static Result<std::unique_ptr<Transfer>> create(TlsOptions tls);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer();

  // Drops what was under way and clears the handle for the next transfer; connections are kept. More options may be set on handle()
  // before the first drive().
  Result<> prepare(Setup setup);
  CURL* handle() { return easy_; }

  // Moves bytes until ready() holds or the transfer has ended well. Errors: 7000-7099.
  Result<Progress> drive(const std::function<bool()>& ready);
  // Has a paused body delivered again, at once or in the next drive().
  void resume();
  // Ends the transfer; its connection is kept only when nothing is left to come on it.
  void drop();

  const Head& head() const { return head_; }
  // The SHA-256, in hex, of the certificate that was refused because another is pinned; else empty.
  const std::string& refused_certificate() const { return refused_certificate_; }
  std::optional<std::uint64_t> content_length() const;

  void cancel();                                   // any thread; for good
  Result<> sleep(std::chrono::milliseconds time);  // ends early with kCancelled

 private:
  using Steady = std::chrono::steady_clock;
  explicit Transfer(TlsOptions tls) : tls_(std::move(tls)) {}
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_upload(char* data, std::size_t size, std::size_t count, void* self);
  static int on_ssh_host(CURL* easy, const curl_khkey* known, const curl_khkey* found, curl_khmatch match, void* self);
  static int on_socket(void* self, curl_socket_t socket, curlsocktype purpose);
  static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address);
  static CURLcode on_tls(CURL* easy, void* tls, void* self);
  Result<> list_headers();
  Result<> apply_ssh();
  void apply_tls();
  Result<> check_limits();
  std::optional<CURLcode> finished();
  Error error_of(CURLcode code) const;
  std::chrono::milliseconds patience() const;

  TlsOptions tls_;
  CURLM* multi_ = nullptr;
  CURL* easy_ = nullptr;
  curl_slist* header_list_ = nullptr;
  Setup setup_;
  Head head_;
  std::string refused_certificate_;
  bool refused_address_ = false;           // by Setup::reach
  std::optional<ErrorCode> refused_host_;  // why an sftp server's key was refused
  char reason_[CURL_ERROR_SIZE] = {};
  bool running_ = false;
  bool paused_ = false;
  Steady::time_point began_;
  Steady::time_point last_byte_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace aloft::net
