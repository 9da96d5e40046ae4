// What the server remembers of devices of hawkBit's protocol, in memory beside the roster: their polls are answered from here. Follows the
// store: callers put in what a commit has made durable. On the loop's thread only.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "ddi/answers.hpp"
#include "ddi/todo.hpp"
#include "fleet/store.hpp"
#include "server/changes.hpp"
#include "server/roster.hpp"

namespace aloft::server {

// So often a device is told that an update is withdrawn while the next one waits for it.
inline constexpr unsigned kMaxCancelAnswers = 10;

class DdiDevices {
 public:
  struct Entry {
    bool attributes_known = false;
    std::optional<ddi::AutoConfirm> auto_confirm;
    int utc_offset_minutes = 0;
    std::optional<std::uint64_t> installed;
    std::optional<std::uint64_t> withdrawn;
    unsigned cancel_answers = 0;  // to `withdrawn`
    std::uint64_t action = 0;     // the unfinished deployment; 0: none
    protocol::UpdateState state = protocol::UpdateState::offered;
    std::uint64_t skipped = 0;  // the deployment that it was told not to install now, when it asked last
  };

  // All references outlive it; follows changes from now on.
  DdiDevices(const Roster& roster, Changes& changes);
  Result<> load(fleet::Store& store);
  Entry* find(const std::string& device);
  void put(const std::string& device);  // it is there from now on; known ones stay as they are
  // roster: of the same device.
  static ddi::Situation situation(const Entry& entry, const Roster::Entry& roster, std::uint64_t now_ms);

 private:
  void take(const fleet::DdiDevice& device);
  void apply(const fleet::Deployment& deployment);
  std::unordered_map<std::string, Entry> devices_;
};

// How it is kept in the store: "" for nobody.
std::string to_text(const std::optional<ddi::AutoConfirm>& automatic);
std::optional<ddi::AutoConfirm> auto_confirm_of(const std::string& text);

}  // namespace aloft::server
