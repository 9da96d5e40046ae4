// What the agent and its server tell each other, whatever that server speaks: the seam between the update core and the protocols.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "protocol/install_policy.hpp"
#include "protocol/vitals.hpp"
#include "update/state.hpp"

namespace aloft::agent {

// The update that the server wants carried out, and how far it may go at this time.
struct Wanted {
  std::uint64_t deployment = 0;         // 1 .. 2^31-1; the same number is the same update
  std::string source;                   // as Updater::offer takes it
  protocol::InstallPolicy policy = {};  // window, consent, cost
  std::string hold = {};                // why it is to be written, but not armed; empty: it may be
  std::string pause = {};               // why nothing is to be done about it; empty: it may go on
};

// What a link tells the agent and asks it. Called from the link's threads, until it is destroyed.
struct ServerListener {
  std::function<void(std::optional<Wanted>)> assigned;  // whenever it changes, and once after each start; may come again unchanged
  std::function<void(Result<>)> reached;                // the outcome of every poll: authenticated, or why not
  // What the device has found out about itself, if anything.
  std::function<std::optional<std::map<std::string, std::string>>()> inventory;
  std::function<std::optional<protocol::Vitals>()> vitals;                         // how it has been
  std::function<std::optional<Error>()> problem;                                   // what the device needs help with
  std::function<std::optional<update::State>(std::uint64_t deployment)> state_of;  // the latest of that update, if there was one
  std::function<bool(std::uint64_t deployment)> agreed;                            // a person at the device has agreed to it
};

class ServerLink {
 public:
  virtual ~ServerLink() = default;  // ends what is under way
  virtual void report_soon() = 0;   // there is something new in the spool, the logs, the inventory
  virtual void check_now() = 0;     // ask the server now, whatever is waited for
};

}  // namespace aloft::agent
