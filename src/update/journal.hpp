// The journal: what the update core knew, transition by transition. It advises; the boot state decides (see step.hpp, classify).
//
// File "journal": one line per record, 16 hex digits (the first 8 bytes of the SHA-256 of the rest of the line), a space, the state as
// JSON. Reading stops at the first line that does not check: a torn tail costs the last record at most. Past kMaxJournalBytes the file
// is replaced by the records that matter: the running update's, and the last of each of kMaxHistory earlier ones.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "update/state.hpp"
#include "update/state_files.hpp"

namespace aloft::update {

inline constexpr std::size_t kMaxJournalBytes = 256U << 10;
inline constexpr std::size_t kMaxHistory = 32;

// The good records of a journal's text, oldest first, and whether anything else was found after them. Never fails.
struct JournalText {
  std::vector<State> records;
  bool torn = false;
};
JournalText parse_journal(std::string_view text);
std::string journal_line(const State& state);

class Journal {
 public:
  // Reads what is there; a torn tail is cut off durably before anything is added. `files` must outlive the journal.
  static Result<Journal> open(StateFiles& files);

  // The last record; the initial state where there is none.
  const State& last() const { return last_; }
  // Durable once returned.
  Result<> add(const State& state);
  // Every transition of the last update, oldest first.
  std::vector<State> transitions() const;
  // The last record of each update, oldest first, at most kMaxHistory.
  std::vector<State> history() const;

 private:
  explicit Journal(StateFiles& files) : files_(&files) {}
  std::vector<State> worth_keeping() const;
  Result<> rewrite();
  StateFiles* files_;
  std::vector<State> records_;
  State last_;
  std::size_t size_bytes_ = 0;
  bool rewrite_first_ = false;  // an append failed: its tail may be torn
};

}  // namespace aloft::update
