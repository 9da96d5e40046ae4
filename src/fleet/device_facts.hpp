// Everything about one device that a filter can ask for.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/fleet.hpp"

namespace aloft::fleet {

// Where a device stands with its updates, in hawkBit's words.
enum class UpdateStatus : std::uint8_t {
  unknown,     // not accepted
  registered,  // never had a deployment, or the last was withdrawn
  pending,     // has an unfinished deployment
  in_sync,     // its last deployment was committed
  error,       // its last deployment failed or was rolled back
};
std::string_view to_string(UpdateStatus status);
// latest: state of the device's newest deployment, if it ever had one.
UpdateStatus update_status_of(DeviceStatus status, std::optional<UpdateState> latest);

using Attributes = std::map<std::string, std::string>;

struct DeviceFacts {
  std::uint64_t id = 0;  // the store's
  std::string name;
  DeviceStatus status = DeviceStatus::pending;
  DeviceProtocol protocol = DeviceProtocol::aloft;
  std::string product;
  std::string hardware;
  std::string version;
  std::uint64_t created_ms = 0;
  std::uint64_t last_seen_ms = 0;
  UpdateStatus update_status = UpdateStatus::unknown;
  Attributes attributes;
  std::set<std::string> tags;
  std::set<std::string> groups;
};

}  // namespace aloft::fleet
