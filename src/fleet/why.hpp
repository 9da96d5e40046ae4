// Why does this device get an update, or why not: everything that bears on it, in words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/device_facts.hpp"
#include "fleet/fleet.hpp"
#include "fleet/rollout_store.hpp"

namespace aloft::fleet {

// How the reason of a member ends that failed or rolled back, and waits for its next try: nothing else holds it up.
inline constexpr std::string_view kMayBeTriedAgain = ", and may be tried again";

struct WhyQuestion {
  Device device;
  DeviceFacts facts;
  std::optional<Deployment> deployment;  // the unfinished one
  std::vector<Membership> memberships;   // newest rollout first
  struct Underway {
    Rollout rollout;
    Release release;
  };
  std::vector<Underway> underway;  // all rollouts that are not final
};

struct WhyReason {
  std::string code;  // stable, kebab-case: docs/rollouts.md lists them
  std::string text;
  std::optional<std::uint64_t> rollout;
  std::optional<std::uint64_t> deployment;
};

enum class WhyVerdict : std::uint8_t {
  updating,  // it has an unfinished deployment
  waiting,   // it will get one, when what the reasons say has come
  nothing,   // nothing is on its way to it
};
std::string_view to_string(WhyVerdict verdict);

struct WhyAnswer {
  WhyVerdict verdict = WhyVerdict::nothing;
  std::vector<WhyReason> reasons;  // what weighs most comes first
};
WhyAnswer explain(const WhyQuestion& question);

}  // namespace aloft::fleet
