// The server's data folder, copied while it runs, and made again from the copy.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.hpp"

namespace aloft::fleet {

struct BackupReport {
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;  // of the blobs
};

// A consistent copy: first the database as it stands at one moment, then every artifact, each checked against its name, then the
// certificate and key. `to` must be missing or empty; it becomes 0700 and holds secrets. The file "complete" is written last and flushed: a
// folder without it is no backup. Releases deleted meanwhile may leave artifacts too many, never too few. Errors: kBackupPlace,
// kBackupDamaged (an artifact in the data folder is not what its name says), store and file errors.
Result<BackupReport> back_up(const std::filesystem::path& data, const std::filesystem::path& to);

// The other way round, into a missing or empty folder. The database and every artifact are checked. Errors: kBackupPlace, kBackupDamaged,
// file errors.
Result<BackupReport> restore(const std::filesystem::path& from, const std::filesystem::path& data);

}  // namespace aloft::fleet
