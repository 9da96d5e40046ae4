// Who of the devices of hawkBit's protocol asks, and where its resources are.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/unix_time.hpp"
#include "fleet/store.hpp"
#include "httpd/message.hpp"
#include "server/changes.hpp"
#include "server/ddi_authorities.hpp"
#include "server/ddi_devices.hpp"
#include "server/roster.hpp"

namespace aloft::server {

inline constexpr std::string_view kDdiTenant = "default";  // however it is written

// As which tenant a site's devices of this protocol name it, and what is told to those who name another.
struct DdiTenancy {
  std::string name = {};  // besides "default"; empty: none
  bool alone = true;      // the server has no other tenants, and may say so; else nothing tells which there are
};
inline constexpr std::uint64_t kDefaultPollSeconds = 300;

class DdiAccess {
 public:
  // All references outlive it. url: as devices reach the server, as "https://updates.example:8443"; empty: as each request names it.
  DdiAccess(fleet::Store& store, Roster& roster, const Changes& changes, DdiDevices& devices, const DdiAuthorities& authorities,
            Clock& clock, std::string url, bool tls, DdiTenancy tenancy = {})
      : store_(store),
        roster_(roster),
        changes_(changes),
        devices_(devices),
        authorities_(authorities),
        clock_(clock),
        url_(std::move(url)),
        tls_(tls),
        tenancy_(std::move(tenancy)) {}
  Result<> load();

  // The device that the path names, after it has shown who it is: by its own token, a gateway's, or a certificate of one of the site's
  // authorities. A new one that comes with a gateway's token is registered. Notes that it was seen. Errors: kTenantUnknown,
  // kNotAuthenticated, kDeviceCertificate, kDevicePending, kDeviceRejected, kBadParameter, kDeviceNameTaken.
  httpd::Awaitable<Result<std::string>> device_of(const httpd::Request& request);
  // "https://host/default/controller/v1/cam-01". Errors: kBadParameter when nothing tells the host.
  Result<std::string> base_of(const httpd::Request& request, const std::string& device) const;
  std::uint64_t now_ms() const { return unix_ms(clock_.now()); }

  const std::vector<fleet::DdiGateway>& gateways() const { return gateways_; }  // newest first
  void put(const fleet::DdiGateway& gateway) { gateways_.insert(gateways_.begin(), gateway); }
  void remove_gateway(std::uint64_t id);
  std::uint64_t poll_seconds() const { return poll_seconds_.value_or(kDefaultPollSeconds); }
  bool polls_by_default() const { return !poll_seconds_; }
  void set_poll_seconds(std::uint64_t seconds) { poll_seconds_ = seconds; }

 private:
  // Whether the connection's certificate is the device's. Errors: kDeviceCertificate.
  Result<bool> shows(const httpd::Request& request, const std::string& device) const;
  const fleet::DdiGateway* gateway_of(std::string_view secret) const;
  httpd::Awaitable<Result<>> register_new(std::string device, const fleet::DdiGateway& gateway);
  fleet::Store& store_;
  Roster& roster_;
  const Changes& changes_;
  DdiDevices& devices_;
  const DdiAuthorities& authorities_;
  Clock& clock_;
  std::string url_;
  bool tls_;
  DdiTenancy tenancy_;
  std::vector<fleet::DdiGateway> gateways_;
  std::optional<std::uint64_t> poll_seconds_;  // none: nobody has set it
};

inline constexpr const char* kPollSetting = "ddi-poll-s";

}  // namespace aloft::server
