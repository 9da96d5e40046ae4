// Whatever a hawkBit-compatible server answers: it is refused, or leads to no address that the device did not mean to ask.
#include <algorithm>
#include <string_view>

#include "ddi/client_answers.hpp"
#include "ddi/client_feedback.hpp"
#include "ddi/feedback.hpp"
#include "net/web_address.hpp"
#include "require.hpp"

namespace {

using namespace aloft;

void check_link(const std::optional<ddi::ActionLink>& link) {
  if (!link) return;
  require(link->action.find_first_of("/?#. \r\n%") == std::string::npos && !link->action.empty());
  require(link->query.empty() || link->query.front() == '?');
  require(std::ranges::all_of(link->query, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; }));
}

}  // namespace

extern "C" int ddi_answers_fuzz(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto poll = ddi::read_poll(text)) {
    require(poll->sleep >= std::chrono::seconds(1) && poll->sleep <= std::chrono::hours(24));
    for (const auto& link : {poll->deployment, poll->cancellation, poll->confirmation, poll->installed}) check_link(link);
  }
  for (const bool confirming : {false, true}) {
    const auto deployment = ddi::read_deployment(text, confirming);
    if (!deployment) continue;
    require(deployment->files.size() <= ddi::kMaxArtifacts);
    const auto file = ddi::bundle_among(deployment->files);
    require(file || !file.error().message.empty());
    if (!file) continue;
    require(file->name.ends_with(".aloft") && !file->href.empty());
    require(std::ranges::all_of(file->href, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; }));
    require(!ddi::identity_of(*file).empty());
    net::origin_of(file->href);
  }
  if (const auto action = ddi::read_stop(text)) check_link(ddi::ActionLink{*action, ""});
  // What the device says about it is what a server reads.
  const auto details = ddi::details_of(text);
  require(details.size() <= ddi::kMaxDetails);
  for (const std::string& line : details) require(line.size() <= ddi::kMaxDetailBytes && line.find_first_of("<>\n\r") == std::string::npos);
  const ddi::Utterance said{.execution = ddi::Execution::closed, .finished = ddi::Finished::failure, .details = details};
  require(ddi::read_feedback(ddi::feedback_json("7", said).dump(-1, ' ', false, Json::error_handler_t::replace)).has_value());
  return 0;
}
