// The journal and the rollback floor, as any power cut may have left them: what is read is written so that it reads the same again, and
// stays small.
#include "update/floor.hpp"
#include "update/journal.hpp"

namespace {

using namespace aloft;

class Memory final : public update::StateFiles {
 public:
  explicit Memory(std::string text) : text_(std::move(text)) {}
  Result<std::optional<std::string>> read(std::string_view) override { return std::optional(text_); }
  Result<> replace(std::string_view, std::string_view content) override {
    text_ = content;
    return {};
  }
  Result<> append(std::string_view, std::string_view content) override {
    text_ += content;
    return {};
  }
  Result<> set_aside(std::string_view) override {
    text_.clear();
    return {};
  }

 private:
  std::string text_;
};

void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const update::JournalText parsed = update::parse_journal(text);
  for (const update::State& record : parsed.records) {
    const update::JournalText again = update::parse_journal(update::journal_line(record));
    require(!again.torn && again.records.size() == 1);
    require(update::to_json(again.records[0]) == update::to_json(record));
  }
  // The line alone, its checksum made right, so that the records behind it are reached too.
  if (const auto json = parse_json(text); json) {
    if (const auto state = update::state_from_json(*json)) require(update::parse_journal(update::journal_line(*state)).records.size() == 1);
  }
  Memory floors(text);  // both copies
  if (const auto floor = update::read_floor(floors)) {
    require(update::raise_floor(floors, 0).has_value() && *update::read_floor(floors) == *floor);
    require(*floor == UINT64_MAX || (update::raise_floor(floors, *floor + 1).has_value() && *update::read_floor(floors) == *floor + 1));
  }
  Memory files(text);
  auto journal = update::Journal::open(files);
  update::State next = journal.last();
  next.phase = update::Phase::cancelled;
  require(journal.add(next).has_value());
  const auto reopened = update::Journal::open(files);
  require(!reopened.problem() && reopened.last().phase == update::Phase::cancelled);
  return 0;
}
