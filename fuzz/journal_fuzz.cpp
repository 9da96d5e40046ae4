// The journal and the rollback floor, as any power cut may have left them: what is read is written so that it reads the same again, and
// stays small.
#include "memory_state.hpp"
#include "require.hpp"
#include "update/floor.hpp"
#include "update/journal.hpp"

extern "C" int journal_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
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
  MemoryState floors(text);  // both copies
  if (const auto floor = update::read_floor(floors)) {
    require(update::raise_floor(floors, 0).has_value() && *update::read_floor(floors) == *floor);
    require(*floor == UINT64_MAX || (update::raise_floor(floors, *floor + 1).has_value() && *update::read_floor(floors) == *floor + 1));
  }
  MemoryState files(text);
  auto journal = update::Journal::open(files);
  update::State next = journal.last();
  next.phase = update::Phase::cancelled;
  require(journal.add(next).has_value());
  const auto reopened = update::Journal::open(files);
  require(!reopened.problem() && reopened.last().phase == update::Phase::cancelled);
  return 0;
}
