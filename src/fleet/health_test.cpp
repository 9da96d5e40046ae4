#include "fleet/health.hpp"

#include <gtest/gtest.h>

#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

HealthGate gate(const std::string& json) { return health_gate_of(parse_json(json).value()).value(); }

// 30 devices up for 1,000 h each side; crashes per hour now and before, and a median of temperatures.
ReleaseHealth health(double crashes, double crashes_before, double temperature, double temperature_before) {
  ReleaseHealth health{.devices = 30, .uptime_s = 3'600'000, .step_devices = 30, .step_uptime_s = 3'600'000, .before_uptime_s = 3'600'000};
  health.measures = {{kCrashReboots, 30, crashes, 30, crashes, crashes_before},
                     {"temp", 30, temperature, 30, temperature, temperature_before}};
  return health;
}

struct GateCase {
  const char* gate;
  ReleaseHealth health;
  bool broken;
};

TEST(HealthGate, BreaksWhenItMustAndOnlyThen) {
  const GateCase cases[] = {
      {R"({"measure":"crash-reboots","limit":0.01})", health(0.011, 0, 0, 0), true},
      {R"({"measure":"crash-reboots","limit":0.01})", health(0.01, 0, 0, 0), false},
      {R"({"measure":"crash-reboots","limit":0.01,"min_devices":31})", health(1, 0, 0, 0), false},
      {R"({"measure":"crash-reboots","limit":0.01,"min_hours":1001})", health(1, 0, 0, 0), false},
      {R"({"measure":"crash-reboots","worse_percent":50})", health(0.03, 0.02, 0, 0), false},
      {R"({"measure":"crash-reboots","worse_percent":50})", health(0.031, 0.02, 0, 0), true},
      {R"({"measure":"crash-reboots","worse_percent":50})", health(0.001, 0, 0, 0), true},
      {R"({"measure":"crash-reboots","worse_percent":50,"limit":0.01})", health(0.001, 0, 0, 0), false},
      {R"({"measure":"crash-reboots","worse_percent":50,"limit":0.01})", health(0.02, 0.019, 0, 0), false},
      {R"({"measure":"temp","limit":80})", health(0, 0, 81, 50), true},
      {R"({"measure":"temp","limit":80,"min_hours":100000})", health(0, 0, 81, 50), true},
      {R"({"measure":"temp","worse":"lower","limit":10})", health(0, 0, 9, 50), true},
      {R"({"measure":"temp","worse":"lower","worse_percent":10})", health(0, 0, -60, -50), true},
      {R"({"measure":"temp","worse":"lower","worse_percent":10})", health(0, 0, -54, -50), false},
      {R"({"measure":"temp","worse_percent":10})", health(0, 0, -46, -50), false},
      {R"({"measure":"humidity","limit":1})", health(9, 9, 99, 0), false},
  };
  for (const GateCase& one : cases) EXPECT_EQ(broken_by(gate(one.gate), one.health).has_value(), one.broken) << one.gate;
}

TEST(HealthGate, SaysWhatItSaw) {
  EXPECT_EQ(*broken_by(gate(R"({"measure":"crash-reboots","limit":0.01})"), health(0.05, 0, 0, 0)),
            "crash-reboots is 0.05 (30 devices, per device-hour, in 1000 h), above 0.01");
  EXPECT_EQ(*broken_by(gate(R"({"measure":"temp","worse_percent":10})"), health(0, 0, 62.5, 50)),
            "temp is 62.5, and was 50 with what the same 30 devices ran before; allowed is worse by 10 %");
}

TEST(HealthGate, IsReadStrictly) {
  for (const char* bad : {R"({"limit":1})", R"({"measure":"temp"})", R"({"measure":"a b","limit":1})", R"({"measure":"temp","limit":"1"})",
                          R"({"measure":"temp","limit":1e300})", R"({"measure":"temp","limit":1,"worse":"bigger"})",
                          R"({"measure":"temp","limit":1,"min_devices":0})", R"({"measure":"temp","worse_percent":-1})"})
    EXPECT_FALSE(health_gate_of(parse_json(bad).value())) << bad;
  const HealthGate whole = gate(R"({"measure":"temp","worse":"lower","limit":-1.5,"worse_percent":7,"min_devices":3,"min_hours":4})");
  EXPECT_EQ(to_json(health_gate_of(to_json(whole)).value()), to_json(whole));
}

}  // namespace
}  // namespace aloft::fleet
