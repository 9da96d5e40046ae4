// How a device has been, by the version of the system that ran: what docs/health.md compares releases by. Every number only rises on the
// device, so that a message that is lost, or comes twice, changes nothing.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace aloft::protocol {

inline constexpr std::string_view kVitalsPath = "/api/device/v1/vitals";  // PUT Vitals -> 204 once durable
inline constexpr std::size_t kMaxVitalsVersions = 4;
inline constexpr std::size_t kMaxMetrics = 32;
inline constexpr double kMaxMetricValue = 1e15;  // its magnitude; sums may be larger

// How a start of the machine came about.
enum class BootReason : std::uint8_t {
  requested,    // the system before it had ended in order
  watchdog,     // the hardware watchdog made the reset
  panic,        // the kernel left a record of its end
  overheated,   // the watchdog's driver says so, as with the next
  power_fault,  //
  unclear,      // no order and no record: a power cut, a reset button, a kernel that left nothing
};
inline constexpr std::size_t kBootReasons = 6;
using Reboots = std::array<std::uint64_t, kBootReasons>;
std::string_view to_string(BootReason reason);
Result<BootReason> boot_reason_of(std::string_view name);  // kBadJson
std::uint64_t crashes_in(const Reboots& reboots);          // watchdog and panic
std::uint64_t unexpected_in(const Reboots& reboots);       // all but requested

struct Vitals {
  struct Metric {
    std::uint64_t count = 0;  // of the values, at least 1
    double sum = 0;
    double last = 0;
  };
  struct Version {
    std::string version;
    std::uint64_t began = 0;  // rises with each version that the device has come to run
    std::uint64_t uptime_s = 0;
    Reboots reboots{};  // while this version ran, by the reason of the start that followed
    std::map<std::string, Metric> metrics;
  };
  BootReason last_boot = BootReason::unclear;
  std::vector<Version> versions;  // at most kMaxVitalsVersions, each once, by `began`
};

// {"last_boot": "watchdog", "versions": [{"version": "2.0", "began": 2, "uptime_s": 3600, "reboots": {"watchdog": 1},
//   "metrics": {"cpu-temp": {"count": 3, "sum": 150.5, "last": 51.5}}}]}
Json to_json(const Vitals& message);
Json to_json(const Vitals::Version& version);
template <typename Message>
Result<Message> from_json(const Json& json);
template <>
Result<Vitals> from_json(const Json& json);  // kBadJson
template <>
Result<Vitals::Version> from_json(const Json& json);

// True for 1-64 characters of [A-Za-z0-9._-] that are none of the server's own measures ("crash-reboots", "unexpected-reboots").
bool is_metric_name(std::string_view name);
// True for finite numbers within kMaxMetricValue.
bool is_metric_value(double value);

}  // namespace aloft::protocol
