#include "update/journal.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/errors.hpp"
#include "update/errors.hpp"
#include "update/floor.hpp"

namespace aloft::update {
namespace {

class MemoryFiles final : public StateFiles {
 public:
  Result<std::optional<std::string>> read(std::string_view name) override {
    if (unreadable) return fail(kIo, "a bad sector");
    const auto found = files.find(std::string(name));
    if (found == files.end()) return std::optional<std::string>();
    return std::optional(found->second);
  }
  Result<> replace(std::string_view name, std::string_view content) override {
    if (full) return fail(kNoSpace, "full");
    files[std::string(name)] = content;
    return {};
  }
  Result<> append(std::string_view name, std::string_view content) override {
    files[std::string(name)] += full ? content.substr(0, content.size() / 2) : content;
    if (full) return fail(kNoSpace, "full");
    return {};
  }
  Result<> set_aside(std::string_view name) override {
    if (full) return fail(kNoSpace, "full");
    files[std::string(name) + ".bad"] = files[std::string(name)];
    files.erase(std::string(name));
    unreadable = false;
    return {};
  }
  std::map<std::string, std::string> files;
  bool full = false;
  bool unreadable = false;  // until it is set aside
};

State record(std::uint64_t update, std::uint64_t sequence, Phase phase) {
  State state;
  state.update = update;
  state.sequence = sequence;
  state.phase = phase;
  state.message = "line\nbreak \"quote\" \xff";
  return state;
}

TEST(Journal, RemembersAcrossRestarts) {
  MemoryFiles files;
  {
    Journal journal = Journal::open(files);
    EXPECT_EQ(journal.last().phase, Phase::idle);
    ASSERT_TRUE(journal.add(record(1, 1, Phase::offered)));
    ASSERT_TRUE(journal.add(record(1, 2, Phase::accepted)));
  }
  const Journal journal = Journal::open(files);
  EXPECT_EQ(journal.last().phase, Phase::accepted);
  EXPECT_EQ(journal.transitions().size(), 2U);
  EXPECT_EQ(journal.history().size(), 1U);
}

TEST(Journal, EveryTornTailCostsTheLastRecordOnly) {
  const std::string first = journal_line(record(1, 1, Phase::offered));
  const std::string second = journal_line(record(1, 2, Phase::accepted));
  for (std::size_t kept = 0; kept < second.size(); ++kept) {
    MemoryFiles files;
    files.files["journal"] = first + second.substr(0, kept);
    Journal journal = Journal::open(files);
    EXPECT_EQ(journal.last().phase, Phase::offered);
    ASSERT_TRUE(journal.add(record(1, 2, Phase::deferred)));
    EXPECT_EQ(Journal::open(files).last().phase, Phase::deferred) << kept;
  }
}

TEST(Journal, AFlippedBitIsNoRecord) {
  const std::string line = journal_line(record(1, 1, Phase::offered));
  for (std::size_t i = 0; i < line.size(); ++i) {
    std::string flipped = line;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_TRUE(parse_journal(flipped).torn) << i;
  }
}

// A record of an installing update that has long been committed would have the agent take the new system for a stranger.
TEST(Journal, OneThatIsDamagedInTheMiddleIsSetAsideAndBegunAnew) {
  const std::string old = journal_line(record(1, 1, Phase::installing));
  const std::string broken = old.substr(0, 30) + "~" + old.substr(31);
  for (const std::string& text : {old + broken + old, broken + old, std::string("\n\n") + old, broken + "x"}) {
    MemoryFiles files;
    files.files["journal"] = text;
    Journal journal = Journal::open(files);
    ASSERT_TRUE(journal.problem()) << text;
    EXPECT_EQ(journal.problem()->code.number, kJournalUnreadable.number);
    EXPECT_EQ(journal.last().phase, Phase::idle);
    EXPECT_EQ(files.files["journal.bad"], text);
    ASSERT_TRUE(journal.add(record(1, 1, Phase::offered)));
    const Journal next = Journal::open(files);
    EXPECT_EQ(next.last().phase, Phase::offered);
    EXPECT_FALSE(next.problem());
  }
}

TEST(Journal, OneThatCannotBeReadIsSetAsideAndBegunAnew) {
  MemoryFiles files;
  files.files["journal"] = journal_line(record(1, 1, Phase::installing));
  files.unreadable = true;
  Journal journal = Journal::open(files);
  ASSERT_TRUE(journal.problem());
  EXPECT_NE(journal.problem()->message.find("a bad sector"), std::string::npos);
  EXPECT_EQ(journal.last().phase, Phase::idle);
  ASSERT_TRUE(journal.add(record(1, 1, Phase::offered)));
  EXPECT_EQ(Journal::open(files).last().phase, Phase::offered);
}

TEST(Journal, WhereNothingCanBeWrittenItOpensAllTheSame) {
  MemoryFiles files;
  files.files["journal"] = journal_line(record(1, 1, Phase::committed)) + "torn";
  files.full = true;
  Journal torn = Journal::open(files);
  EXPECT_EQ(torn.last().phase, Phase::committed);
  EXPECT_FALSE(torn.add(record(2, 1, Phase::offered)));
  files.files["journal"] = "gar\nbage";
  Journal damaged = Journal::open(files);
  ASSERT_TRUE(damaged.problem());
  EXPECT_NE(damaged.problem()->message.find("nor can it be set aside"), std::string::npos);
  EXPECT_FALSE(damaged.add(record(1, 1, Phase::offered)));
  files.full = false;
  ASSERT_TRUE(damaged.add(record(1, 1, Phase::offered)));
  EXPECT_EQ(Journal::open(files).last().phase, Phase::offered);
}

TEST(Journal, AFailedAppendDoesNotHideLaterOnes) {
  MemoryFiles files;
  Journal journal = Journal::open(files);
  ASSERT_TRUE(journal.add(record(1, 1, Phase::offered)));
  files.full = true;
  EXPECT_FALSE(journal.add(record(1, 2, Phase::accepted)));
  EXPECT_EQ(journal.last().phase, Phase::offered);
  files.full = false;
  ASSERT_TRUE(journal.add(record(1, 2, Phase::deferred)));
  EXPECT_EQ(Journal::open(files).last().phase, Phase::deferred);
}

TEST(Journal, StaysSmallAndKeepsHistory) {
  MemoryFiles files;
  Journal journal = Journal::open(files);
  for (std::uint64_t update = 1; update <= 400; ++update) {
    for (std::uint64_t sequence = 1; sequence <= 9; ++sequence) {
      ASSERT_TRUE(journal.add(record(update, sequence, sequence == 9 ? Phase::committed : Phase::installing)));
      EXPECT_LE(files.files["journal"].size(), kMaxJournalBytes);
    }
  }
  const std::vector<State> history = Journal::open(files).history();
  ASSERT_EQ(history.size(), kMaxHistory);
  EXPECT_EQ(history.back().update, 400U);
  EXPECT_EQ(history.front().phase, Phase::committed);
  EXPECT_EQ(Journal::open(files).transitions().size(), 9U);
}

TEST(Floor, NeverFalls) {
  MemoryFiles files;
  EXPECT_EQ(*read_floor(files), 0U);
  ASSERT_TRUE(raise_floor(files, 7));
  ASSERT_TRUE(raise_floor(files, 5));
  EXPECT_EQ(*read_floor(files), 7U);
}

TEST(Floor, OneGoodCopyIsEnoughAndMendsTheOther) {
  MemoryFiles files;
  ASSERT_TRUE(raise_floor(files, 7));
  files.files["floor.0"] = "aloft-floor 9 0000000000000000\n";
  EXPECT_EQ(*read_floor(files), 7U);
  ASSERT_TRUE(raise_floor(files, 7));
  EXPECT_EQ(files.files["floor.0"], files.files["floor.1"]);
}

TEST(Floor, DamageIsNotZero) {
  MemoryFiles files;
  files.files["floor.0"] = "";
  EXPECT_EQ(read_floor(files).error().code.number, kFloorUnreadable.number);
  EXPECT_FALSE(raise_floor(files, 9));
}

}  // namespace
}  // namespace aloft::update
