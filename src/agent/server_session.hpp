// A device's standing with an aloft-server: enrolment, proof of the key, bearer token.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "agent/retry_after.hpp"
#include "agent/server_standing.hpp"
#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "crypto/key.hpp"
#include "net/http_client.hpp"
#include "net/range_source.hpp"

namespace aloft::agent {

// Safe from several threads, each with a transport of its own.
class ServerSession final : public ServerStanding {
 public:
  // The key is loaded or made in state_dir by connect(), else when it is first needed, again and again until that works. Clock must outlive
  // the session.
  ServerSession(ServerConfig config, std::filesystem::path state_dir, DeviceFacts facts, Clock& clock);

  Result<net::TlsOptions> tls() const override;  // enrolment may have brought a pin
  const std::string& url() const override { return config_.url; }
  const DeviceFacts& facts() const override { return facts_; }
  bool enrolled() const override { return enrolled_; }
  std::string key_sha256() const override;
  bool owns(const std::string& address) const override;  // of the artifact store
  std::unique_ptr<ServerLink> connect(ReportSpool& spool, const std::filesystem::path& state_dir, ServerListener listener) override;
  std::chrono::milliseconds asked_to_wait() const { return retry_after_.left(); }

  // Sends with a bearer token, which is fetched first where there is none, and once more after a 401. request.url is a path here.
  // Errors: kNotAccepted while an operator has to accept the device, else those of the key, of the transport and net::expect_success.
  Result<net::Response> send(net::HttpTransport& transport, net::Request request);
  // The same for a transport that is not ours: the Authorization header.
  Result<std::vector<net::Header>> authorization(net::Credentials credentials) override;

 private:
  Result<std::string> token(net::HttpTransport& transport, net::Credentials credentials);
  Result<> have_key();
  Result<> enrol(net::HttpTransport& transport);
  Result<> prove(net::HttpTransport& transport);
  Result<Json> post(net::HttpTransport& transport, std::string_view path, const Json& body);
  Result<net::Response> exchange(net::HttpTransport& transport, const net::Request& request);

  const ServerConfig config_;
  const std::filesystem::path state_dir_;
  const DeviceFacts facts_;
  Clock& clock_;
  std::atomic<bool> enrolled_ = false;
  RetryAfter retry_after_;
  std::mutex mutex_;  // held while a token is fetched, so that threads do not fetch two
  std::optional<crypto::PrivateKey> key_;
  mutable std::mutex shown_mutex_;  // held briefly
  std::string key_sha256_;
  std::string token_;
  SteadyTime token_expires_{};
};

}  // namespace aloft::agent
