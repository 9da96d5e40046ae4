// What a store keeps of devices that speak hawkBit's protocol (docs/ddi.md): a part of the contract of store.hpp, with its rules.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fleet/device_facts.hpp"
#include "fleet/fleet.hpp"
#include "fleet/rollout_store.hpp"

namespace aloft::fleet {

// A device of that protocol, beyond what every device has.
struct DdiDevice {
  std::string name;
  bool attributes_known = false;           // it has said something of itself since it was asked last
  std::string auto_confirm;                // JSON of who confirms in advance; empty: nobody
  std::string utc_offset;                  // its attribute of that name
  std::optional<std::uint64_t> installed;  // its last deployment that was committed
  std::optional<std::uint64_t> withdrawn;  // its last deployment, if that was withdrawn and the device has not said its last word
};

struct DdiRegistration {
  std::string name;
  std::string product;
  std::string hardware;
  std::optional<Digest> token_hash;  // of the device's own token
  std::uint64_t now_ms = 0;
};

// What the device says about a deployment.
struct DdiFeedback {
  std::string device;
  std::uint64_t deployment = 0;
  std::optional<UpdateState> state;  // none: as it was
  Closing closing = Closing::open;
  std::uint64_t error = 0;
  std::string message;
  std::optional<std::uint64_t> progress_permille;
  bool of_withdrawal = false;  // it answers to a cancellation
  std::uint64_t now_ms = 0;
};
struct DdiOutcome {
  Deployment deployment;
  bool changed = false;          // false: it had said so before
  bool version_changed = false;  // of the device
};

// What the device says about itself. Empty product, hardware, version: nothing about that.
struct DdiDescription {
  std::string device;
  std::optional<Attributes> attributes;  // replace what was there
  std::string product;
  std::string hardware;
  std::string version;
};

// Who acts for any device, and may bring new ones: a token that many devices share.
struct DdiGateway {
  std::uint64_t id = 0;
  Digest hash{};  // of the secret
  std::string note;
  std::string product;  // of the devices that it brings
  std::string hardware;
  std::uint64_t created_ms = 0;
  std::string created_by;
};

// Of one deployment no more than so many transitions are kept; its end always is.
inline constexpr std::uint64_t kMaxFeedbacks = 5000;

class DdiStore {
 public:
  virtual ~DdiStore() = default;
  virtual Result<std::vector<DdiDevice>> ddi_devices() = 0;
  // Accepted at once. The same again changes nothing but the token, if one is given. Errors: kDeviceNameTaken, kDeviceRejected.
  virtual void register_ddi_device(DdiRegistration registration, Done<Device> done) = 0;
  virtual void set_ddi_token(std::string device, Digest token_hash, Done<Device> done) = 0;  // kDeviceUnknown, kOtherProtocol
  // Errors: kDeploymentUnknown (or of another device), kDeploymentFinished when it has said something else for good, kNotWithdrawn.
  virtual void apply_feedback(DdiFeedback feedback, Done<DdiOutcome> done) = 0;
  virtual void describe_ddi_device(DdiDescription description, Done<Device> done) = 0;  // kDeviceUnknown
  virtual void want_attributes(std::string device, Done<> done) = 0;                    // kDeviceUnknown, kOtherProtocol
  virtual void set_auto_confirm(std::string device, std::string how, Done<> done) = 0;  // kDeviceUnknown, kOtherProtocol

  virtual Result<std::vector<DdiGateway>> ddi_gateways() = 0;
  virtual void add_ddi_gateway(DdiGateway gateway, Done<DdiGateway> done) = 0;  // gives the id
  virtual void delete_ddi_gateway(std::uint64_t id, Done<> done) = 0;           // kGatewayUnknown
};

}  // namespace aloft::fleet
