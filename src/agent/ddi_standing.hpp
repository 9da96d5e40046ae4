// A device's standing with a hawkBit-compatible server: its resources' address, and the token or certificate that shows who it is.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "agent/config.hpp"
#include "agent/retry_after.hpp"
#include "agent/server_standing.hpp"
#include "base/clock.hpp"
#include "base/json.hpp"

namespace aloft::agent {

class DdiStanding final : public ServerStanding {
 public:
  // config.hawkbit is there. Clock must outlive it.
  DdiStanding(ServerConfig config, DeviceFacts facts, Clock& clock);

  const std::string& url() const override { return config_.url; }
  const DeviceFacts& facts() const override { return facts_; }
  bool enrolled() const override { return taken_; }
  Result<net::TlsOptions> tls() const override;
  bool owns(const std::string& address) const override;  // of the server's own origin: a token goes nowhere else
  // Read anew each time, so that a token can be replaced. Errors: kConfigValue, the file's.
  Result<std::vector<net::Header>> authorization(net::Credentials credentials) override;
  std::unique_ptr<ServerLink> connect(ReportSpool& spool, const std::filesystem::path& state_dir, ServerListener listener) override;

  const HawkbitConfig& hawkbit() const { return *config_.hawkbit; }
  // "https://host/DEFAULT/controller/v1/cam-01"
  const std::string& base() const { return base_; }
  // As a link of the server's names it: absolute, or from its root on. Empty: it is neither.
  std::string absolute(const std::string& href) const;
  // body: none for GET. Every status is an answer; Retry-After is noted. Errors: the transport's, authorization()'s.
  Result<net::Response> send(net::HttpTransport& transport, const std::string& method, const std::string& path, const Json* body,
                             const std::string& etag = {});
  std::chrono::milliseconds asked_to_wait() const { return retry_after_.left(); }
  void taken() { taken_ = true; }  // the server has answered a poll

 private:
  const ServerConfig config_;
  const DeviceFacts facts_;
  const std::string base_;
  Clock& clock_;
  std::atomic<bool> taken_ = false;
  RetryAfter retry_after_;
};

// The answer where it is 2xx or 304, else an error with the server's own words. Errors: as net::expect_success.
Result<net::Response> ddi_success(net::Response response, const std::string& what);

}  // namespace aloft::agent
