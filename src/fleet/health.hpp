// How devices do with a release, beside how the same devices did with what they ran before. docs/health.md has the reasons.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "protocol/vitals.hpp"

namespace aloft::fleet {

inline constexpr const char* kCrashReboots = "crash-reboots";            // watchdog and panic, per device-hour
inline constexpr const char* kUnexpectedReboots = "unexpected-reboots";  // all but those in order, per device-hour

struct DeviceHealth {
  std::string last_boot;  // empty: the device has told nothing
  struct Version {
    protocol::Vitals::Version vitals;
    std::uint64_t changed_ms = 0;
  };
  std::vector<Version> versions;  // the newest first
};

// One number for all devices: of reboots their sum by the sum of hours up, of a metric the median of the devices' means, which one broken
// sensor does not move.
struct HealthMeasure {
  std::string name;
  std::uint64_t devices = 0;
  double value = 0;
  // Of those that ran something else before, with this measure for both.
  std::uint64_t step_devices = 0;
  double step_value = 0;
  double before_value = 0;
};

struct ReleaseHealth {
  std::uint64_t devices = 0;
  std::uint64_t uptime_s = 0;
  protocol::Reboots reboots{};
  std::uint64_t step_devices = 0;
  std::uint64_t step_uptime_s = 0;                          // of those with the release
  std::uint64_t before_uptime_s = 0;                        // of the same with what they ran before
  std::vector<std::pair<std::string, std::uint64_t>> from;  // versions before, and devices; most first
  std::vector<HealthMeasure> measures;                      // the two of reboots first, then metrics by name
};
const HealthMeasure* find_measure(const ReleaseHealth& health, const std::string& name);
Json to_json(const ReleaseHealth& health);

// Broken when the measure is beyond `limit`, and when it is worse than before by more than `worse_percent`; by both, where both are
// given. Judged from min_devices devices and, of reboots, min_hours of time up on (of both sides, for a comparison).
struct HealthGate {
  enum class Worse : std::uint8_t { higher, lower };
  std::string measure;
  Worse worse = Worse::higher;
  std::optional<double> limit;
  std::optional<std::uint64_t> worse_percent;
  std::uint64_t min_devices = 10;
  std::uint64_t min_hours = 0;
};
inline constexpr std::size_t kMaxHealthGates = 8;
Json to_json(const HealthGate& gate);
Result<HealthGate> health_gate_of(const Json& json);  // kBadJson, kRolloutPlan
// In words, if it is broken.
std::optional<std::string> broken_by(const HealthGate& gate, const ReleaseHealth& health);

}  // namespace aloft::fleet
