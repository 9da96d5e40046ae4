#include "ddi/client_feedback.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace aloft::ddi {
namespace {

using protocol::Report;
using protocol::UpdateState;

constexpr std::uint64_t kFirstOf2020Ms = 1'577'836'800'000;

// Before a character of UTF-8, at or before `most`.
std::size_t cut_at(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text.size();
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return end == 0 ? most : end;
}

std::string mild(std::string_view text) {
  std::string mild(text);
  for (char& c : mild) {
    if (c == '<') c = '(';
    if (c == '>') c = ')';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return mild;
}

struct Words {
  Execution execution;
  Finished finished;
  const char* text;
};

// clang-format off
Words words_of(UpdateState state) {
  switch (state) {
    case UpdateState::offered:     return {Execution::proceeding, Finished::none,    "the device has taken it up"};
    case UpdateState::accepted:    return {Execution::proceeding, Finished::none,    "accepted"};
    case UpdateState::downloading: return {Execution::download,   Finished::none,    "the bundle is authentic and fits; downloading"};
    case UpdateState::installing:  return {Execution::proceeding, Finished::none,    "downloading and writing to the slot that does not run"};
    case UpdateState::verified:    return {Execution::downloaded, Finished::none,    "downloaded, written and read back"};
    case UpdateState::armed:       return {Execution::proceeding, Finished::none,    "the new system boots next"};
    case UpdateState::rebooting:   return {Execution::proceeding, Finished::none,    "restarting"};
    case UpdateState::on_trial:    return {Execution::proceeding, Finished::none,    "the new system runs, on trial"};
    case UpdateState::committed:   return {Execution::closed,     Finished::success, "the new system is proven healthy and committed"};
    case UpdateState::rolled_back: return {Execution::closed,     Finished::failure, "rolled back: the old system runs"};
    case UpdateState::failed:      return {Execution::closed,     Finished::failure, "failed: the running system is unchanged"};
    case UpdateState::deferred:    return {Execution::scheduled,  Finished::none,    "deferred"};
    case UpdateState::cancelled:   return {Execution::closed,     Finished::failure, "cancelled at the device"};
  }
  return {Execution::proceeding, Finished::none, ""};
}
// clang-format on

std::string time_text(std::uint64_t time_ms) {
  const auto seconds = static_cast<std::time_t>(time_ms / 1000);
  std::tm parts{};
  char text[32] = "19700101T000000";
  if (::gmtime_r(&seconds, &parts) != nullptr) std::strftime(text, sizeof text, "%Y%m%dT%H%M%S", &parts);
  return text;
}

}  // namespace

std::vector<std::string> details_of(std::string_view text) {
  std::vector<std::string> details;
  while (!text.empty() && details.size() < kMaxDetails) {
    const std::size_t line = std::min(text.find('\n'), text.size());
    const std::size_t end = cut_at(text.substr(0, line), kMaxDetailBytes);
    if (end > 0) details.push_back(mild(text.substr(0, end)));
    text.remove_prefix(std::min(end == line ? line + 1 : end, text.size()));
  }
  return details;
}

std::optional<Utterance> utterance_of(const Report& report, std::uint64_t downloaded, std::optional<UpdateState> before) {
  if (report.state == UpdateState::offered && before == UpdateState::offered) return std::nullopt;
  Words words = words_of(report.state);
  if (report.state == UpdateState::deferred && report.error == downloaded)
    words = {Execution::downloaded, Finished::none, "downloaded, and not installed yet"};
  if (report.state == UpdateState::accepted && before == UpdateState::deferred) words = {Execution::resumed, Finished::none, "it goes on"};
  Utterance said{.execution = words.execution,
                 .finished = words.finished,
                 .code = report.error,
                 .details = {},
                 .progress_permille = report.progress_permille,
                 .time_ms = report.time_ms};
  std::string text = words.text;
  if (report.error != 0) text += "\nE" + std::to_string(report.error) + ": " + report.message;
  if (report.error == 0 && !report.message.empty()) text += "\n" + report.message;
  said.details = details_of(text);
  return said;
}

Json feedback_json(std::string_view action, const Utterance& said) {
  Json result{{"finished", kFinished[static_cast<std::size_t>(said.finished)]}};
  if (said.progress_permille) result["progress"] = Json{{"cnt", *said.progress_permille / 10}, {"of", 100}};
  Json status{
      {"execution", kExecutions[static_cast<std::size_t>(said.execution)]}, {"result", std::move(result)}, {"details", said.details}};
  if (said.code != 0) status["code"] = said.code;
  Json json{{"id", action}, {"time", time_text(said.time_ms)}, {"status", std::move(status)}};
  if (said.time_ms >= kFirstOf2020Ms) json["timestamp"] = said.time_ms;
  return json;
}

Json confirmation_json(bool confirmed, std::string_view why) {
  return Json{{"confirmation", confirmed ? "confirmed" : "denied"}, {"details", details_of(why)}};
}

Json config_data_json(const std::map<std::string, std::string>& attributes, bool replace) {
  Json data = Json::object();
  for (const auto& [key, value] : attributes) {
    if (data.size() == kMaxSentAttributes) break;
    data[mild(key.substr(0, cut_at(key, kMaxSentAttributeBytes)))] = mild(value.substr(0, cut_at(value, kMaxSentAttributeBytes)));
  }
  return Json{{"mode", replace ? "replace" : "merge"}, {"data", std::move(data)}};
}

StopAnswer answer_to_stop(std::optional<UpdateState> state, bool can_be_cancelled, bool begun) {
  if (!state) return begun ? StopAnswer::not_yet : StopAnswer::stopped;
  if (*state == UpdateState::cancelled) return StopAnswer::stopped;
  return can_be_cancelled ? StopAnswer::not_yet : StopAnswer::too_late;
}

}  // namespace aloft::ddi
