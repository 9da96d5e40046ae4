// Whatever a client of hawkBit's protocol sends: it is refused, or it has a meaning within the limits; mending never makes good JSON worse.
#include <cstdlib>
#include <string_view>

#include "ddi/config_data.hpp"
#include "ddi/feedback.hpp"
#include "ddi/lenient_json.hpp"
#include "ddi/local_hour.hpp"

extern "C" int ddi_feedback_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto strict = parse_json(text)) {
    const auto lenient = ddi::parse_leniently(text);
    if (!lenient || *lenient != *strict) std::abort();
  }
  if (const auto feedback = ddi::read_feedback(text)) {
    if (feedback->message.size() > ddi::kMaxMessageBytes) std::abort();
    if (feedback->progress_permille && *feedback->progress_permille > 1000) std::abort();
    const auto verdict = ddi::judge(*feedback, ddi::Channel::deployment, false);
    if ((verdict.closing == ddi::Closing::closed) != (verdict.state && protocol::is_final(*verdict.state))) std::abort();
    if (ddi::judge(*feedback, ddi::Channel::deployment, true).state == protocol::UpdateState::committed) std::abort();
    ddi::judge(*feedback, ddi::Channel::cancellation, false);
  }
  if (const auto change = ddi::read_config_data(text))
    for (const auto& [key, value] : ddi::applied(*change, {}))
      if (!protocol::is_attribute_key(key) || !protocol::is_attribute_value(value)) std::abort();
  (void)ddi::read_confirmation(text);
  ddi::utc_offset_minutes(text);
  return 0;
}
