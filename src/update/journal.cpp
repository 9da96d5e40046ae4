#include "update/journal.hpp"

#include <algorithm>

#include "crypto/sha256.hpp"
#include "update/errors.hpp"

namespace aloft::update {
namespace {

constexpr std::string_view kFile = "journal";
constexpr std::size_t kCheckDigits = 16;

std::string check_of(std::string_view text) {
  const crypto::Digest digest = crypto::sha256(as_bytes(text));
  return to_hex(ByteView(digest).first(kCheckDigits / 2));
}

std::optional<State> parse_line(std::string_view line) {
  if (line.size() < kCheckDigits + 1 || line[kCheckDigits] != ' ') return std::nullopt;
  const std::string_view text = line.substr(kCheckDigits + 1);
  if (line.substr(0, kCheckDigits) != check_of(text)) return std::nullopt;
  const auto json = parse_json(text);
  if (!json) return std::nullopt;
  auto state = state_from_json(*json);
  if (!state) return std::nullopt;
  return *std::move(state);
}

}  // namespace

std::string journal_line(const State& state) {
  const std::string text = to_json(state).dump(-1, ' ', false, Json::error_handler_t::replace);
  return check_of(text) + " " + text + "\n";
}

JournalText parse_journal(std::string_view text) {
  JournalText parsed;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::optional<State> record = end == std::string_view::npos ? std::nullopt : parse_line(text.substr(0, end));
    if (!record) {
      parsed.torn = true;
      parsed.damaged = end != std::string_view::npos && end + 1 < text.size();
      return parsed;
    }
    parsed.records.push_back(*std::move(record));
    text.remove_prefix(end + 1);
  }
  return parsed;
}

Journal Journal::open(StateFiles& files) {
  Journal journal(files);
  const auto text = files.read(kFile);
  if (!text) {
    journal.begin_anew(text.error().text());
    return journal;
  }
  const std::string& content = text->value_or("");
  JournalText parsed = parse_journal(content);
  if (parsed.damaged) {
    journal.begin_anew("it is damaged after " + std::to_string(parsed.records.size()) + " records");
    return journal;
  }
  journal.records_ = std::move(parsed.records);
  journal.size_bytes_ = content.size();
  if (!journal.records_.empty()) journal.last_ = journal.records_.back();
  if (parsed.torn) journal.rewrite_first_ = !journal.rewrite();
  return journal;
}

void Journal::begin_anew(const std::string& why) {
  const auto aside = files_->set_aside(kFile);
  rewrite_first_ = !aside;
  problem_ = Error{kJournalUnreadable, "the journal could not be read: " + why +
                                           (aside ? "; it is set aside as journal.bad and a new one is begun, nothing is to be done"
                                                  : "; nor can it be set aside: " + aside.error().message)};
}

Result<> Journal::add(const State& state) {
  const std::string line = journal_line(state);
  records_.push_back(state);
  if (rewrite_first_ || size_bytes_ + line.size() > kMaxJournalBytes) {
    const auto rewritten = rewrite();
    if (!rewritten) {
      records_.pop_back();
      rewrite_first_ = true;
      return rewritten;
    }
  } else {
    const auto appended = files_->append(kFile, line);
    if (!appended) {
      records_.pop_back();
      rewrite_first_ = true;
      return appended;
    }
    size_bytes_ += line.size();
  }
  last_ = state;
  return {};
}

Result<> Journal::rewrite() {
  std::vector<State> kept = worth_keeping();
  std::string text;
  for (const State& record : kept) text += journal_line(record);
  TRY(files_->replace(kFile, text));
  records_ = std::move(kept);
  size_bytes_ = text.size();
  rewrite_first_ = false;
  return {};
}

std::vector<State> Journal::worth_keeping() const {
  std::vector<State> kept;
  if (records_.empty()) return kept;
  const std::uint64_t current = records_.back().update;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const bool last_of_update = i + 1 == records_.size() || records_[i + 1].update != records_[i].update;
    const bool recent = records_[i].update + kMaxHistory > current;
    const bool transition = i + 1 == records_.size() || records_[i + 1].sequence != records_[i].sequence;
    if (records_[i].update == current ? transition : last_of_update && recent) kept.push_back(records_[i]);
  }
  return kept;
}

std::vector<State> Journal::transitions() const {
  std::vector<State> found;
  for (const State& record : records_) {
    if (record.update != last_.update) continue;
    if (!found.empty() && found.back().sequence == record.sequence) {
      found.back() = record;
    } else {
      found.push_back(record);
    }
  }
  return found;
}

std::vector<State> Journal::history() const {
  std::vector<State> found;
  for (const State& record : records_) {
    if (!found.empty() && found.back().update == record.update) {
      found.back() = record;
    } else {
      found.push_back(record);
    }
  }
  if (found.size() > kMaxHistory) found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(kMaxHistory));
  return found;
}

}  // namespace aloft::update
