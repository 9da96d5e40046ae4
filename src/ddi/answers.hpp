// What the server answers a client of hawkBit's DDI. Kept compact, and made so that every known client reads it: docs/ddi.md has the list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace aloft::ddi {

// Where a device's resources are: "https://host:port/DEFAULT/controller/v1/cam-01".
using Base = std::string;

inline constexpr std::uint64_t kMinPollSeconds = 1;
inline constexpr std::uint64_t kMaxPollSeconds = 86'399;  // 23:59:59: clients read the hour as less than 24

// "HH:MM:SS", always eight characters.
std::string sleep_of(std::uint64_t seconds);

// The one thing that a device has to do next.
struct Todo {
  enum class What : std::uint8_t { nothing, deployment, cancellation, confirmation };
  What what = What::nothing;
  std::uint64_t action = 0;
};
struct PollAnswer {
  std::uint64_t sleep_s = 300;
  Todo todo;
  std::optional<std::uint64_t> installed;  // the action that put there what runs now
  bool attributes_wanted = false;
};
Json to_json(const PollAnswer& answer, const Base& base);

struct Artifact {
  std::string file_name;
  std::string sha1;  // lower-case hex, as the others
  std::string md5;
  std::string sha256;
  std::uint64_t size_bytes = 0;
};
// A release as clients see it: one chunk that has one artifact, because some of them take no more.
struct Software {
  std::uint64_t module = 0;
  std::string part = "bApp";  // the only one that Zephyr takes
  std::string name;
  std::string version;
  Artifact artifact;
};
Json to_json(const Artifact& artifact, std::uint64_t module, const Base& base);

enum class Handling : std::uint8_t { skip, attempt, forced };
struct DeploymentAnswer {
  std::uint64_t action = 0;
  Handling download = Handling::forced;
  Handling update = Handling::forced;
  std::optional<bool> window_open;  // none: there is no window
  Software software;
  bool confirming = false;  // the same, asked of a person first
  struct History {
    std::string status;                 // hawkBit's word: RUNNING, FINISHED, ...
    std::vector<std::string> messages;  // newest first
  };
  std::optional<History> history;
};
Json to_json(const DeploymentAnswer& answer, const Base& base);

Json cancel_answer(std::uint64_t action);

struct AutoConfirm {
  std::string initiator;
  std::string remark;
  std::uint64_t since_ms = 0;
};
Json to_json(const std::optional<AutoConfirm>& automatic, std::optional<std::uint64_t> action, const Base& base);

}  // namespace aloft::ddi
