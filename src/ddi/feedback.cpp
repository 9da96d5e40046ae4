#include "ddi/feedback.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/errors.hpp"
#include "ddi/errors.hpp"
#include "ddi/lenient_json.hpp"

namespace aloft::ddi {
namespace {

using protocol::UpdateState;

template <typename Enum, std::size_t N>
std::optional<Enum> among(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

std::string text_of(const Json* value) { return value != nullptr && value->is_string() ? value->get<std::string>() : ""; }

// Cut where a character of UTF-8 begins.
std::string cut(std::string text) {
  if (text.size() <= kMaxMessageBytes) return text;
  std::size_t end = kMaxMessageBytes - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string message_of(const Json* details) {
  std::string all;
  if (details != nullptr && details->is_string()) all = details->get<std::string>();
  if (details != nullptr && details->is_array())
    for (const Json& line : *details) {
      const std::string text = line.is_string() ? line.get<std::string>() : line.dump(-1, ' ', false, Json::error_handler_t::replace);
      if (!text.empty()) all += (all.empty() ? "" : "\n") + text;
      if (all.size() > kMaxMessageBytes) break;
    }
  std::ranges::replace_if(all, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; }, ' ');
  return cut(std::move(all));
}

std::optional<std::uint64_t> permille_of(const Json* progress) {
  const Json* cnt = member(progress, "cnt");
  const Json* of = member(progress, "of");
  if (cnt == nullptr || of == nullptr || !cnt->is_number_unsigned() || !of->is_number_unsigned()) return std::nullopt;
  const auto done = cnt->get<std::uint64_t>();
  const auto all = of->get<std::uint64_t>();
  if (all == 0 || done > all || all > UINT32_MAX) return std::nullopt;
  return done * 1000 / all;
}

// The string behind the last "key", in text that is no JSON; "" if there is none.
std::string_view value_behind(std::string_view text, std::string_view key) {
  const std::string quoted = "\"" + std::string(key) + "\"";
  const std::size_t at = text.rfind(quoted);
  if (at == std::string_view::npos) return {};
  const std::size_t open = text.find_first_not_of(" \t\r\n:", at + quoted.size());
  if (open == std::string_view::npos || text[open] != '"') return {};
  const std::size_t end = text.find('"', open + 1);
  return end == std::string_view::npos ? std::string_view{} : text.substr(open + 1, end - open - 1);
}

Result<Feedback> read_roughly(std::string_view text, const Error& error) {
  Feedback feedback{.message = "(the details could not be read)"};
  const auto execution = among<Execution>(kExecutions, value_behind(text, "execution"));
  const auto finished = among<Finished>(kFinished, value_behind(text, "finished"));
  if (!execution || !finished) return std::unexpected(error);
  feedback.execution = *execution;
  feedback.finished = *finished;
  return feedback;
}

}  // namespace

Result<Feedback> read_feedback(std::string_view text) {
  const Result<Json> json = parse_leniently(text);
  if (!json) return read_roughly(text, json.error());
  const Json* status = member(&*json, "status");
  const Json* result = member(status, "result");
  const auto execution = among<Execution>(kExecutions, text_of(member(status, "execution")));
  if (!execution)
    return fail(kBadJson,
                "feedback: status.execution must be closed, proceeding, canceled, scheduled, rejected, resumed, download or downloaded");
  Feedback feedback{.execution = *execution, .message = message_of(member(status, "details"))};
  feedback.finished = among<Finished>(kFinished, text_of(member(result, "finished"))).value_or(Finished::none);
  feedback.progress_permille = permille_of(member(result, "progress"));
  if (const Json* code = member(status, "code"); code != nullptr && code->is_number_integer()) feedback.code = code->get<std::int64_t>();
  return feedback;
}

Verdict judge(const Feedback& feedback, Channel channel, bool skipped) {
  Verdict verdict{.message = feedback.message};
  if (feedback.code) verdict.message += (verdict.message.empty() ? "code " : "\ncode ") + std::to_string(*feedback.code);
  const bool failed = feedback.finished == Finished::failure;
  const auto close = [&verdict](UpdateState state, std::uint64_t error) {
    verdict.state = state;
    verdict.closing = Closing::closed;
    verdict.error = error;
  };
  if (channel == Channel::cancellation) {
    if (feedback.execution == Execution::closed)
      close(failed ? UpdateState::failed : UpdateState::cancelled, failed ? kReportedFailure.number : 0);
    if (feedback.execution == Execution::rejected) verdict.closing = Closing::goes_on;
    return verdict;
  }
  switch (feedback.execution) {
    case Execution::closed:
      if (failed)
        close(UpdateState::failed, kReportedFailure.number);
      else if (skipped)
        verdict.state = UpdateState::deferred;
      else
        close(UpdateState::committed, 0);
      break;
    case Execution::canceled: close(UpdateState::cancelled, 0); break;
    case Execution::rejected: break;
    case Execution::download:
    case Execution::downloaded: verdict.state = UpdateState::downloading; break;
    case Execution::proceeding:
    case Execution::scheduled:
    case Execution::resumed: verdict.state = UpdateState::installing; break;
  }
  return verdict;
}

Result<Confirmation> read_confirmation(std::string_view text) {
  const Json json = TRY(parse_leniently(text));
  const std::string word = text_of(member(&json, "confirmation"));
  if (word != "confirmed" && word != "denied") return fail(kBadJson, "confirmation must be \"confirmed\" or \"denied\"");
  return Confirmation{.confirmed = word == "confirmed", .message = message_of(member(&json, "details"))};
}

}  // namespace aloft::ddi
