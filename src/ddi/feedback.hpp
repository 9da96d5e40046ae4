// What a device says about an update (hawkBit's DDI, "feedback"), and what that means.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "protocol/messages.hpp"

namespace aloft::ddi {

inline constexpr std::size_t kMaxMessageBytes = 4096;

enum class Execution : std::uint8_t { closed, proceeding, canceled, scheduled, rejected, resumed, download, downloaded };
enum class Finished : std::uint8_t { none, success, failure };
// As they are written, in their order.
inline constexpr std::array<std::string_view, 8> kExecutions{"closed",   "proceeding", "canceled", "scheduled",
                                                             "rejected", "resumed",    "download", "downloaded"};
inline constexpr std::array<std::string_view, 3> kFinished{"none", "success", "failure"};

struct Feedback {
  Execution execution = Execution::proceeding;
  Finished finished = Finished::none;
  std::optional<std::int64_t> code;  // the device's own number
  std::optional<std::uint64_t> progress_permille;
  std::string message;  // its details, one a line; at most kMaxMessageBytes
};

// Takes what clients really send: ids as numbers or strings (not read), members missing, progress of nothing, strings that are not escaped.
// What can be told only roughly still tells how the update ended. Errors: kBadJson when not even `execution` can be found.
Result<Feedback> read_feedback(std::string_view text);

// Where it was sent.
enum class Channel : std::uint8_t { deployment, cancellation };
// Whether the device has said its last word on an update that was withdrawn.
enum class Closing : std::uint8_t { open, closed, goes_on };

struct Verdict {
  std::optional<protocol::UpdateState> state;  // none: as it was
  Closing closing = Closing::open;
  std::uint64_t error = 0;
  std::string message;
};
// skipped: the device was told last not to install now, so that "closed" tells of no success.
Verdict judge(const Feedback& feedback, Channel channel, bool skipped);

// {"confirmation": "confirmed"|"denied", ...}
struct Confirmation {
  bool confirmed = false;
  std::string message;
};
Result<Confirmation> read_confirmation(std::string_view text);

}  // namespace aloft::ddi
