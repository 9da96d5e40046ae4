// How a device that runs aloftd tells a hawkBit-compatible server where an update stands: pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "ddi/feedback.hpp"
#include "protocol/messages.hpp"

namespace aloft::ddi {

inline constexpr std::size_t kMaxDetailBytes = 512;  // hawkBit keeps no more of one
inline constexpr std::size_t kMaxDetails = 50;       // and takes no more at once
inline constexpr std::size_t kMaxSentAttributes = 100;
inline constexpr std::size_t kMaxSentAttributeBytes = 128;  // of a key, and of a value

struct Utterance {
  Execution execution = Execution::proceeding;
  Finished finished = Finished::none;
  std::uint64_t code = 0;            // our error number; 0: none
  std::vector<std::string> details;  // within the limits above
  std::optional<std::uint64_t> progress_permille;
  std::uint64_t time_ms = 0;  // of the device's clock; below 2020 it is not sent
  bool closes() const { return execution == Execution::closed; }
};

// downloaded: the number of the error that a deferred update waits with when it is on the slot (E8064). before: what was last told of the
// same update, if that is known. Nothing: the server need not be told.
std::optional<Utterance> utterance_of(const protocol::Report& report, std::uint64_t downloaded,
                                      std::optional<protocol::UpdateState> before);
// As details of one message: cut where they are too long, without what some servers take for markup. Errors stand first.
std::vector<std::string> details_of(std::string_view text);

Json feedback_json(std::string_view action, const Utterance& said);
Json confirmation_json(bool confirmed, std::string_view why);
// replace: what the server had before goes. At most kMaxSentAttributes, cut to what fits.
Json config_data_json(const std::map<std::string, std::string>& attributes, bool replace);

// What the device has to say to a cancellation.
enum class StopAnswer : std::uint8_t {
  stopped,   // "closed": it is stopped, or was never begun
  too_late,  // "rejected": it will end as it ends, and that is told then
  not_yet,   // it is being stopped: nothing is said for now
};
// state: where the update stands on the device; nothing: it is not there. begun: the agent has been told to carry it out since its start.
StopAnswer answer_to_stop(std::optional<protocol::UpdateState> state, bool can_be_cancelled, bool begun);

}  // namespace aloft::ddi
