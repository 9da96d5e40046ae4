// Who this device is to its server: its name there, how both prove who they are, and the link that stands on that.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/server_link.hpp"
#include "agent/spool.hpp"
#include "base/result.hpp"
#include "net/http_client.hpp"
#include "net/range_source.hpp"

namespace aloft::agent {

// What the device says of itself.
struct DeviceFacts {
  std::string name;
  std::string product;
  std::string hardware;
  std::string version;
};

// Safe from several threads.
class ServerStanding {
 public:
  virtual ~ServerStanding() = default;
  virtual const std::string& url() const = 0;
  virtual const DeviceFacts& facts() const = 0;
  virtual bool enrolled() const = 0;  // the server has taken this device's proof
  // Of this device's public key, in hex, as the server shows it; empty where there is none (yet). Does not block.
  virtual std::string key_sha256() const { return {}; }
  // How connections to this server are made; asked again for each new client.
  virtual Result<net::TlsOptions> tls() const = 0;
  // Whether a file at this address is to be fetched by tls() and authorization(), rather than as anybody's.
  virtual bool owns(const std::string& address) const = 0;
  virtual Result<std::vector<net::Header>> authorization(net::Credentials credentials) = 0;
  // Begins to talk. state_dir/logs holds logs of failed updates as "<deployment>.log"; each is removed once the server has it, or cannot
  // take it. This and the spool must outlive the link.
  virtual std::unique_ptr<ServerLink> connect(ReportSpool& spool, const std::filesystem::path& state_dir, ServerListener listener) = 0;
};

}  // namespace aloft::agent
