// The server's data folder, copied while it runs, and made again from the copy.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

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
// more: what else the caller puts into `to`, before "complete" says that all is there.
using MoreToCopy = std::function<Result<>()>;
Result<BackupReport> back_up(const std::filesystem::path& data, const std::filesystem::path& to, const MoreToCopy& more = {});

// The other way round, into a missing or empty folder, whose owner gets all of it when root restores. Everything is checked. Errors as of
// back_up(). more: what else the caller takes from it, before the database, without which the folder is no server's.
Result<BackupReport> restore(const std::filesystem::path& from, const std::filesystem::path& data, const MoreToCopy& more = {});

}  // namespace aloft::fleet
