// A bundle on a server, read by offset: one request streams on for as long as reads follow each other, and is taken up again where it
// broke off.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "bundle/reader.hpp"
#include "net/http_client.hpp"
#include "net/tls_trust.hpp"

namespace aloft::net {

enum class Credentials : std::uint8_t {
  current,  // any that are still good
  renewed,  // the server has just answered 401 to the current ones
};

struct RangeSourceOptions {
  TlsOptions tls;
  std::filesystem::path known_hosts;  // of sftp servers, as sshd(8) describes it; without it every one is refused
  std::filesystem::path ssh_key;      // private key for sftp, PEM; empty: the password in the address
  // Headers for the next request, asked for before each; not sent on to another host by a redirect. Its error ends the reading.
  std::function<Result<std::vector<Header>>(Credentials)> headers;
  std::chrono::milliseconds connect_timeout{15'000};
  std::chrono::milliseconds stall_timeout{30'000};    // without one byte; then the connection counts as broken
  std::chrono::milliseconds first_delay{500};         // before the first new try; doubles with each that brought nothing, and
  std::chrono::milliseconds max_delay{60'000};        // ends here. Each delay is drawn from its upper half. A server's Retry-After counts
  std::chrono::milliseconds give_up_after{3600'000};  // without one new byte
  // Bytes on their way that nobody has read yet, at most: what a power cut loses besides what the reader had in hand. Also the most that
  // comes per round trip: 256 KiB are 5 MB/s at 50 ms.
  std::uint32_t ahead_bytes = 256U << 10;
  std::function<Result<>(std::chrono::milliseconds)> sleep;  // how delays pass; empty: in real time, ended by cancel()
};

inline constexpr std::size_t kInFlight = 4;

// http, https, ftp, ftps and sftp. After a broken connection the request is repeated for what is missing ("Range", "If-Range"), so no
// byte that a read returned is fetched twice, but by servers that ignore ranges: their content is skipped up to the place.
// Memory: libcurl's buffers and at most 16 KiB of read-ahead; what the reader does not take waits in the socket, whose buffer is bounded
// (docs/decisions/0014).
class RangeSource final : public bundle::ByteSource {
 public:
  // Opens nothing yet; the first read connects. Clock and randomness must outlive the source. Errors: kBadUrl.
  static Result<std::unique_ptr<RangeSource>> create(std::string url, RangeSourceOptions options, Clock& clock, Random& random);
  ~RangeSource() override;

  // Errors: kContentChanged when the file was replaced while it was being read (start over), kGaveUp with the last failure,
  // kServerRefused, kUnauthorized, kTlsUntrusted, kPinMismatch, kSshHostUnknown, kSshHostChanged and kBadUrl at once, kCancelled.
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override;
  bool any_order() const override { return false; }
  // For http and https; other protocols stream on.
  void expect(std::uint64_t end) override;
  // Over http and https kInFlight requests are under way then, each for one run, on a connection of its own with ahead_bytes of its own. A
  // server that ignores ranges is read as one stream.
  void plan(std::vector<ByteRun> runs) override;

  // From any thread: the read under way and all later ones end with kCancelled.
  void cancel();
  std::optional<std::uint64_t> size_bytes() const;  // once the server has said it
  std::uint64_t requests() const;                   // sent so far
  std::uint64_t received_bytes() const;             // of content so far, from any thread; what was skipped counts too

 private:
  struct State;
  explicit RangeSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace aloft::net
