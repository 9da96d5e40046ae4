// The answers of the local API that describe the agent.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/updater.hpp"
#include "base/json.hpp"

namespace aloft::agent {

struct WatchdogStatus {
  bool present = false;
  bool armed = false;
  std::uint64_t timeout_s = 0;
  bool caused_last_boot = false;
};

struct ServerStatus {
  std::string url;
  std::string name;
  std::string key_sha256;  // empty: none
  bool enrolled = false;
  bool connected = false;
  std::string problem;
};

struct AgentStatus {
  std::string product;
  std::string hardware;
  std::string version;
  std::string group;
  std::string deferred_until;  // empty: not deferred
  UpdateStatus update;
  std::optional<boot::BootState> boot;
  std::optional<ServerStatus> server;
  WatchdogStatus watchdog;
  std::uint64_t reports_waiting = 0;
};

// {"ok":true,"status":{...}}; members: docs/agent.md, "Local API".
Json to_json(const AgentStatus& status);
// One update, as in status and history.
Json update_json(const update::State& state, std::optional<std::uint64_t> progress_permille = {});

}  // namespace aloft::agent
