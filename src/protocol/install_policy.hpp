// When a device may begin an update: decided by people on the server, kept to by the device, also while it is offline.
#pragma once

#include <cstdint>
#include <optional>

#include "base/json.hpp"
#include "base/result.hpp"

namespace aloft::protocol {

// Hours of the day, in the device's own time zone.
struct MaintenanceWindow {
  std::uint8_t days = 0x7f;        // bit 0: Monday, on which the window begins
  std::uint16_t from_minute = 0;   // of the day, 0..1439
  std::uint16_t until_minute = 0;  // not in it any more; at or below from_minute: of the next day
};

// What the update may cost; the device's own limits hold besides, the stricter of both.
struct DownloadPolicy {
  std::optional<std::uint64_t> budget_bytes = {};          // over the network, altogether; none: no limit
  std::optional<std::uint64_t> metered_budget_bytes = {};  // while that goes over a metered link
  bool metered_wait = false;                               // nothing is fetched over one
  bool operator==(const DownloadPolicy&) const = default;
};

struct InstallPolicy {
  std::optional<MaintenanceWindow> window;  // none: at any time
  bool consent = false;                     // a person at the device has to agree first
  bool download_only = false;               // written, and not installed until an operator releases it
  DownloadPolicy download = {};
};

// {"window": {"days": ["mon", "tue"], "from": "22:00", "until": "05:00"}, "consent": true, "download_only": true,
//  "download": {"budget_bytes": 20000000, "metered_budget_bytes": 2000000, "metered": "wait"}}; all members may be missing.
Json to_json(const InstallPolicy& policy);
Json to_json(const DownloadPolicy& policy);
template <typename Message>
Result<Message> from_json(const Json& json);
template <>
Result<InstallPolicy> from_json(const Json& json);  // kBadJson
template <>
Result<DownloadPolicy> from_json(const Json& json);  // kBadJson

// weekday: 0 is Monday.
bool is_open(const MaintenanceWindow& window, unsigned weekday, unsigned minute_of_day);

}  // namespace aloft::protocol
