// What agents and servers say to each other: what is taken is said again in the same words, and keeps to its bounds.
#include <bit>
#include <optional>
#include <string_view>

#include "protocol/messages.hpp"
#include "require.hpp"

namespace {

using namespace aloft;

template <typename Message>
std::optional<Message> taken(const Json& json) {
  const auto message = protocol::from_json<Message>(json);
  if (!message) {
    require(!message.error().message.empty());
    return std::nullopt;
  }
  const Json said = to_json(*message);
  const auto again = protocol::from_json<Message>(said);
  require(again && to_json(*again) == said);
  return *message;
}

bool is_digest(std::string_view text) { return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

void check_policy(const protocol::InstallPolicy& policy) {
  if (!policy.window) return;
  const protocol::MaintenanceWindow& window = *policy.window;
  require(window.from_minute < 1440 && window.until_minute < 1440 && window.days != 0 && window.days < 0x80);
  // Within a week it is open for its length on each of its days; windows that meet are one.
  const unsigned length = (window.until_minute + 1440U - window.from_minute - 1) % 1440 + 1;
  unsigned open = 0;
  for (unsigned minute = 0; minute < 7 * 1440; ++minute) open += is_open(window, minute / 1440, minute % 1440) ? 1U : 0U;
  require(open == length * static_cast<unsigned>(std::popcount(window.days)));
}

}  // namespace

extern "C" int protocol_fuzz(const std::uint8_t* data, std::size_t size) {
  const auto json = parse_json({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  if (const auto enrolment = taken<protocol::EnrolRequest>(*json)) require(protocol::is_device_name(enrolment->name));
  taken<protocol::EnrolReply>(*json);
  taken<protocol::ChallengeRequest>(*json);
  taken<protocol::ChallengeReply>(*json);
  taken<protocol::TokenRequest>(*json);
  taken<protocol::TokenReply>(*json);
  taken<protocol::ErrorReply>(*json);
  if (const auto assignment = taken<protocol::Assignment>(*json); assignment && assignment->deployment) {
    const auto& deployment = *assignment->deployment;
    require(deployment.id <= 0x7fffffff && is_digest(deployment.artifact_sha256));
    check_policy(deployment.policy);
    if (deployment.delta) require(is_digest(deployment.delta->sha256));
  }
  if (const auto reports = taken<protocol::Reports>(*json)) {
    require(reports->reports.size() <= protocol::kMaxReports);
    for (const protocol::Report& report : reports->reports) require(report.progress_permille.value_or(0) <= 1000);
  }
  if (const auto inventory = taken<protocol::Inventory>(*json)) {
    require(inventory->attributes.size() <= protocol::kMaxAttributes);
    for (const auto& [key, value] : inventory->attributes) require(protocol::is_attribute_key(key) && protocol::is_attribute_value(value));
  }
  if (const auto policy = taken<protocol::InstallPolicy>(*json)) check_policy(*policy);
  return 0;
}
