#include "net/transfer.hpp"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/errors.hpp"
#include "net/errors.hpp"
#include "net/pinning.hpp"
#include "net/public_address.hpp"

namespace aloft::net {
namespace {

constexpr std::size_t kMaxHeaders = 256;
constexpr long kReceiveBufferBytes = 64L << 10;

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](char x, char y) { return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y)); });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

ErrorCode code_of(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS: return kBadUrl;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return kCannotResolve;
    case CURLE_COULDNT_CONNECT: return kCannotConnect;
    case CURLE_OPERATION_TIMEDOUT: return kTimeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: return kTlsUntrusted;
    case CURLE_SSL_CERTPROBLEM: return kClientCertificate;
    case CURLE_SSL_CONNECT_ERROR: return kTlsFailed;
    case CURLE_LOGIN_DENIED: return kUnauthorized;
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_REMOTE_FILE_NOT_FOUND:
    case CURLE_FTP_COULDNT_RETR_FILE: return kServerRefused;
    default: return kConnectionBroken;
  }
}

// Such options cannot fail on a live handle but for lack of memory, which the transfer then meets itself.
void set(CURL* easy, CURLoption option, long value) { curl_easy_setopt(easy, option, value); }
void set(CURL* easy, CURLoption option, const char* value) { curl_easy_setopt(easy, option, value); }

}  // namespace

std::optional<std::string_view> find_header(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& header : headers)
    if (same_name(header.name, name)) return header.value;
  return std::nullopt;
}

Result<std::unique_ptr<Transfer>> Transfer::create(TlsOptions tls) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) return fail(kConnectionBroken, "cannot start libcurl: " + std::string(curl_easy_strerror(started)));
  std::unique_ptr<Transfer> transfer(new Transfer(std::move(tls)));
  transfer->multi_ = curl_multi_init();
  transfer->easy_ = curl_easy_init();
  if (transfer->multi_ == nullptr || transfer->easy_ == nullptr)
    return fail(kConnectionBroken, "cannot make a libcurl handle: out of memory");
  curl_multi_setopt(transfer->multi_, CURLMOPT_MAXCONNECTS, 2L);
  return transfer;
}

Transfer::~Transfer() {
  drop();
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
  curl_slist_free_all(header_list_);
}

Result<> Transfer::prepare(Setup setup) {
  drop();
  setup_ = std::move(setup);
  head_ = {};
  refused_certificate_.clear();
  refused_host_.reset();
  refused_address_ = false;
  reason_[0] = '\0';
  TRY(list_headers());
  curl_easy_reset(easy_);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, reason_);
  set(easy_, CURLOPT_URL, setup_.url.c_str());
  set(easy_, CURLOPT_PROTOCOLS_STR, setup_.protocols);
  set(easy_, CURLOPT_USERAGENT, "aloft/1");
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  set(easy_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  set(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy_, CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
  set(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(setup_.connect_timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, header_list_);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  if (setup_.ahead_bytes != 0) {
    set(easy_, CURLOPT_BUFFERSIZE, static_cast<long>(CURL_MAX_WRITE_SIZE));
    curl_easy_setopt(easy_, CURLOPT_SOCKOPTFUNCTION, &Transfer::on_socket);
    curl_easy_setopt(easy_, CURLOPT_SOCKOPTDATA, this);
  }
  if (setup_.reach == Reach::public_only) {
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open);
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETDATA, this);
    set(easy_, CURLOPT_PROXY, "");
  }
  if (setup_.on_upload) {
    curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &Transfer::on_upload);
    curl_easy_setopt(easy_, CURLOPT_READDATA, this);
  }
  apply_tls();
  return apply_ssh();
}

Result<> Transfer::list_headers() {
  curl_slist_free_all(std::exchange(header_list_, nullptr));
  for (const Header& header : setup_.headers) {
    if ((header.name + header.value).find_first_of("\r\n") != std::string::npos)
      return fail(kBadArgument, "request header " + header.name + " holds a line break");
    curl_slist* longer = curl_slist_append(header_list_, (header.name + ": " + header.value).c_str());
    if (longer == nullptr) return fail(kConnectionBroken, "cannot set request headers: out of memory");
    header_list_ = longer;
  }
  return {};
}

void Transfer::apply_tls() {
  set(easy_, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (const auto* ca = std::get_if<CaFile>(&tls_.trust)) {
    set(easy_, CURLOPT_CAINFO, ca->path.c_str());
    set(easy_, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  if (std::holds_alternative<PinnedCertificate>(tls_.trust)) {
    set(easy_, CURLOPT_CAINFO, static_cast<const char*>(nullptr));  // or libcurl would read every authority into memory
    set(easy_, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    set(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(easy_, CURLOPT_SSL_CTX_FUNCTION, &Transfer::on_tls);
    curl_easy_setopt(easy_, CURLOPT_SSL_CTX_DATA, this);
  }
  if (tls_.client) {
    set(easy_, CURLOPT_SSLCERT, tls_.client->certificate_file.c_str());
    set(easy_, CURLOPT_SSLKEY, tls_.client->key_file.c_str());
  }
}

// Before the connection opens, as the largest window is agreed on then. The kernel doubles what is asked for and takes its own overhead
// from that: half, or less, according to its version and the segments (tcp(7), tcp_adv_win_scale).
int Transfer::on_socket(void* self, curl_socket_t socket, curlsocktype) {
  const int bytes = static_cast<int>(static_cast<Transfer*>(self)->setup_.ahead_bytes / 2);
  ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  ::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);  // past net.core.rmem_max, where we may
  return CURL_SOCKOPT_OK;
}

// After the name has been resolved, so that no name server can talk us into our own network.
curl_socket_t Transfer::on_open(void* self, curlsocktype, curl_sockaddr* address) {
  if (is_public(address->addr)) return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  static_cast<Transfer*>(self)->refused_address_ = true;
  return CURL_SOCKET_BAD;
}

// Never what the file does not hold: nobody sits beside a device to compare a fingerprint.
Result<> Transfer::apply_ssh() {
  if (!setup_.url.starts_with("sftp:")) return {};
  if (setup_.known_hosts.empty())
    return fail(kSshHostUnknown, "no known_hosts file is configured, so the host key of " + without_secrets(setup_.url) +
                                     " cannot be checked; set download.known_hosts in system.toml");
  set(easy_, CURLOPT_SSH_KNOWNHOSTS, setup_.known_hosts.c_str());
  curl_easy_setopt(easy_, CURLOPT_SSH_KEYFUNCTION, &Transfer::on_ssh_host);
  curl_easy_setopt(easy_, CURLOPT_SSH_KEYDATA, this);
  set(easy_, CURLOPT_SSH_AUTH_TYPES, setup_.ssh_key.empty() ? CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD : CURLSSH_AUTH_PUBLICKEY);
  if (!setup_.ssh_key.empty()) set(easy_, CURLOPT_SSH_PRIVATE_KEYFILE, setup_.ssh_key.c_str());
  return {};
}

int Transfer::on_ssh_host(CURL*, const curl_khkey*, const curl_khkey*, curl_khmatch match, void* self) {
  if (match == CURLKHMATCH_OK) return CURLKHSTAT_FINE;
  static_cast<Transfer*>(self)->refused_host_ = match == CURLKHMATCH_MISMATCH ? kSshHostChanged : kSshHostUnknown;
  return CURLKHSTAT_REJECT;
}

CURLcode Transfer::on_tls(CURL*, void* tls, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  pin_certificate(static_cast<SSL_CTX*>(tls), std::get<PinnedCertificate>(transfer->tls_.trust).sha256, transfer->refused_certificate_);
  return CURLE_OK;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  transfer->last_byte_ = Steady::now();
  const std::string_view line(data, size * count);
  Head& head = transfer->head_;
  if (line.starts_with("HTTP/")) {
    long status = 0;
    curl_easy_getinfo(transfer->easy_, CURLINFO_RESPONSE_CODE, &status);
    head = Head{.status = static_cast<unsigned>(status)};
  } else if (const auto colon = line.find(':'); head.status != 0 && colon != std::string_view::npos) {
    if (head.headers.size() == kMaxHeaders) return 0;
    head.headers.push_back({std::string(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1)))});
  }
  return line.size();
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  transfer->last_byte_ = Steady::now();
  switch (transfer->setup_.on_body(as_bytes({data, size * count}))) {
    case Verdict::taken: return size * count;
    case Verdict::pause: transfer->paused_ = true; return CURL_WRITEFUNC_PAUSE;
    case Verdict::stop: break;
  }
  return 0;
}

std::size_t Transfer::on_upload(char* data, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  transfer->last_byte_ = Steady::now();
  return transfer->setup_.on_upload(std::as_writable_bytes(std::span(data, size * count))).value_or(CURL_READFUNC_ABORT);
}

Result<Transfer::Progress> Transfer::drive(const std::function<bool()>& ready) {
  if (!running_) {
    began_ = last_byte_ = Steady::now();
    curl_multi_add_handle(multi_, easy_);
    running_ = true;
  }
  for (;;) {
    int active = 0;
    if (const CURLMcode code = curl_multi_perform(multi_, &active); code != CURLM_OK) {
      drop();
      return fail(kConnectionBroken, "libcurl failed: " + std::string(curl_multi_strerror(code)));
    }
    if (const auto code = finished()) {
      drop();
      if (*code == CURLE_OK) return Progress::finished;
      return fail(error_of(*code));
    }
    if (ready()) return Progress::ready;
    if (auto good = check_limits(); !good) {
      drop();
      return fail(std::move(good).error());
    }
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(patience().count()), nullptr);
  }
}

Result<> Transfer::check_limits() {
  if (cancelled_) return fail(kCancelled, "the transfer of " + without_secrets(setup_.url) + " was cancelled");
  const auto now = Steady::now();
  if (setup_.total_timeout.count() > 0 && now - began_ >= setup_.total_timeout)
    return fail(kTimeout, without_secrets(setup_.url) + " did not finish within " + std::to_string(setup_.total_timeout.count()) + " ms");
  if (setup_.stall_timeout.count() > 0 && now - last_byte_ >= setup_.stall_timeout)
    return fail(kTimeout, without_secrets(setup_.url) + " sent nothing for " + std::to_string(setup_.stall_timeout.count()) + " ms");
  return {};
}

std::chrono::milliseconds Transfer::patience() const {
  auto until = Steady::now() + std::chrono::seconds(1);
  if (setup_.total_timeout.count() > 0) until = std::min(until, began_ + setup_.total_timeout);
  if (setup_.stall_timeout.count() > 0) until = std::min(until, last_byte_ + setup_.stall_timeout);
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now()), std::chrono::milliseconds(1));
}

std::optional<CURLcode> Transfer::finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left))
    if (message->msg == CURLMSG_DONE) return message->data.result;
  return std::nullopt;
}

Error Transfer::error_of(CURLcode code) const {
  const std::string address = without_secrets(setup_.url);
  if (!refused_certificate_.empty())
    return {kPinMismatch, address + " shows a certificate with SHA-256 " + refused_certificate_ +
                              ", not the pinned one; if the server's certificate was replaced on purpose, pin the new one"};
  if (refused_host_)
    return {*refused_host_,
            refused_host_->number == kSshHostChanged.number
                ? address + " shows another host key than " + setup_.known_hosts +
                      " has for it; if it was changed on purpose, replace the line there, else somebody stands between"
                : address + " is not in " + setup_.known_hosts + "; add its host key there (ssh-keyscan, then compare the fingerprint)"};
  if (refused_address_ && code == CURLE_COULDNT_CONNECT)
    return {kAddressNotPublic,
            address + " is at an address of a private network or of this machine, where requests of this kind may not go"};
  const char* connected_to = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_PRIMARY_IP, &connected_to);
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  // libcurl has one code for an address that it does not know how to ask, and for an answer that is no HTTP.
  const bool no_http = code == CURLE_UNSUPPORTED_PROTOCOL && connected_to != nullptr && *connected_to != '\0' && status == 0;
  const ErrorCode known = no_http ? kBadReply : code_of(code);
  std::string message = "cannot reach " + address + ": " + (reason_[0] != '\0' ? reason_ : curl_easy_strerror(code));
  if (known.number == kTlsUntrusted.number) message += "; give the CA file of the server's certificate, or pin the certificate";
  return {known, std::move(message)};
}

void Transfer::resume() {
  last_byte_ = Steady::now();
  if (std::exchange(paused_, false)) curl_easy_pause(easy_, CURLPAUSE_CONT);
}

void Transfer::drop() {
  if (std::exchange(running_, false)) curl_multi_remove_handle(multi_, easy_);
  paused_ = false;
}

std::optional<std::uint64_t> Transfer::content_length() const {
  curl_off_t length = -1;
  curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (length < 0) return std::nullopt;
  return static_cast<std::uint64_t>(length);
}

void Transfer::cancel() {
  cancelled_ = true;
  curl_multi_wakeup(multi_);
}

Result<> Transfer::sleep(std::chrono::milliseconds time) {
  const auto until = Steady::now() + time;
  while (!cancelled_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now());
    if (left.count() <= 0) return {};
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)), nullptr);
  }
  return fail(kCancelled, "the wait for " + without_secrets(setup_.url) + " was cancelled");
}

}  // namespace aloft::net
