// The journal: what the update core knew, transition by transition. It advises; the boot state decides (see step.hpp, classify).
//
// File "journal": one line per record, 16 hex digits (the first 8 bytes of the SHA-256 of the rest of the line), a space, the state as
// JSON. A last line that does not check is a torn tail: it costs that record at most. Any other means that the file is damaged: then its
// records may be older than the truth, and none of them is believed. Past kMaxJournalBytes the file is replaced by the records that
// matter: the running update's, and the last of each of kMaxHistory earlier ones.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "update/state.hpp"
#include "update/state_files.hpp"

namespace aloft::update {

inline constexpr std::size_t kMaxJournalBytes = 256U << 10;
inline constexpr std::size_t kMaxHistory = 32;

// The good records of a journal's text, oldest first, and what follows them. Never fails.
struct JournalText {
  std::vector<State> records;
  bool torn = false;     // something that is no record
  bool damaged = false;  // and it is not the tail of the file
};
JournalText parse_journal(std::string_view text);
std::string journal_line(const State& state);

class Journal {
 public:
  // Reads what is there; a torn tail is cut off durably before anything is added. A journal that cannot be read, or is damaged, is set
  // aside as "journal.bad" and begun anew; problem() says so. `files` must outlive the journal.
  static Journal open(StateFiles& files);

  // What was wrong with the file when it was opened, and what was done. kJournalUnreadable.
  const std::optional<Error>& problem() const { return problem_; }
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
  void begin_anew(const std::string& why);
  StateFiles* files_;
  std::optional<Error> problem_;
  std::vector<State> records_;
  State last_;
  std::size_t size_bytes_ = 0;
  bool rewrite_first_ = false;  // an append failed: its tail may be torn
};

}  // namespace aloft::update
