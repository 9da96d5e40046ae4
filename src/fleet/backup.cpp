#include "fleet/backup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "base/handover.hpp"
#include "crypto/sha256.hpp"
#include "fleet/errors.hpp"
#include "fleet/sqlite.hpp"

namespace aloft::fleet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 1U << 20;
constexpr const char* kMark = "complete";

Result<> claim_empty(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return fail(system_error("cannot make folder", folder, errno));
  std::error_code problem;
  if (fs::is_empty(folder, problem) && !problem) return {};
  return fail(kBackupPlace, folder.string() + " is not empty; give a folder that is, or that does not exist");
}

Result<> flush(const fs::path& path, int flags) {
  const Fd fd = TRY(open_file(path, flags));
  if (::fsync(fd.get()) != 0) return fail(system_error("cannot flush", path, errno));
  return {};
}

// Copies and flushes; the digest of what was copied.
Result<crypto::Digest> copy_file(const fs::path& from, const fs::path& to, std::uint64_t& bytes) {
  const Fd source = TRY(open_file(from, O_RDONLY));
  const Fd target = TRY(open_file(to, O_WRONLY | O_CREAT | O_EXCL, 0600));
  Bytes buffer(kPieceBytes);
  crypto::Sha256 sha256;
  while (true) {
    const std::size_t got = TRY(read_full(source.get(), buffer));
    const ByteView piece = ByteView(buffer).first(got);
    TRY(write_all(target.get(), piece));
    sha256.update(piece);
    bytes += got;
    if (got < buffer.size()) break;
  }
  if (::fsync(target.get()) != 0) return fail(system_error("cannot flush", to, errno));
  return sha256.finish();
}

Result<> copy_blob(const fs::path& from, const fs::path& to, BackupReport& report) {
  const auto digest = copy_file(from, to, report.bytes);
  // Its release was deleted a moment ago: the copy of the database may still name it, but no device is given it any more.
  if (!digest && digest.error().code.number == kNotFound.number) return {};
  if (!digest) return std::unexpected(digest.error());
  if (to_hex(*digest) != from.filename().string())
    return fail(kBackupDamaged,
                "the artifact " + from.string() + " is not what its name says; upload its bundle again, or take an older backup");
  ++report.blobs;
  return {};
}

Result<> copy_blobs(const fs::path& from, const fs::path& to, BackupReport& report) {
  std::error_code problem;
  if (!fs::exists(from, problem)) return {};
  TRY(claim_empty(to));
  for (const auto& shelf : fs::directory_iterator(from, problem)) {
    const fs::path copy = to / shelf.path().filename();
    TRY(claim_empty(copy));
    for (const auto& blob : fs::directory_iterator(shelf.path(), problem))
      TRY(copy_blob(blob.path(), copy / blob.path().filename(), report));
    TRY(flush(copy, O_RDONLY | O_DIRECTORY));
  }
  if (problem) return fail(kIo, "cannot list " + from.string() + ": " + problem.message());
  return flush(to, O_RDONLY | O_DIRECTORY);
}

Result<> copy_identity(const fs::path& from, const fs::path& to) {
  std::uint64_t ignored = 0;
  for (const char* name : {"tls.key", "tls.pem"}) {
    std::error_code problem;
    if (fs::exists(from / name, problem)) TRY(copy_file(from / name, to / name, ignored));
  }
  return {};
}

Result<> check_database(const fs::path& file) {
  Database database = TRY(Database::open(file, Database::Access::read_only));
  Statement row = TRY(database.query("PRAGMA integrity_check"));
  if (TRY(row.step()) && row.text(0) == "ok") return {};
  return fail(kBackupDamaged, "the database in the backup is damaged (" + row.text(0) + "); take another backup");
}

}  // namespace

Result<BackupReport> back_up(const fs::path& data, const fs::path& to, const MoreToCopy& more) {
  std::error_code problem;
  if (!fs::exists(data / "fleet.db", problem)) return fail(kBackupPlace, data.string() + " is no server's data folder: it has no fleet.db");
  TRY(claim_empty(to));
  {
    Database database = TRY(Database::open(data / "fleet.db", Database::Access::read_only));
    Statement copy = TRY(database.query_once("VACUUM INTO ?1"));
    copy.bind(1, (to / "fleet.db").string());
    TRY(copy.step());
  }
  TRY(flush(to / "fleet.db", O_RDWR));
  BackupReport report;
  TRY(copy_blobs(data / "blobs", to / "blobs", report));
  TRY(copy_identity(data, to));
  if (more) TRY(more());
  TRY(replace_file(to / kMark, std::to_string(report.blobs) + " artifacts, " + std::to_string(report.bytes) + " bytes\n", 0600));
  return report;
}

Result<BackupReport> restore(const fs::path& from, const fs::path& data, const MoreToCopy& more) {
  std::error_code problem;
  if (!fs::exists(from / kMark, problem))
    return fail(kBackupPlace, from.string() + " is no finished backup: it has no file \"complete\"; take another one");
  TRY(claim_empty(data));
  TRY(check_database(from / "fleet.db"));
  BackupReport report;
  TRY(copy_blobs(from / "blobs", data / "blobs", report));
  TRY(copy_identity(from, data));
  if (more) TRY(more());
  std::uint64_t ignored = 0;
  // Last: a folder without the database is empty for the server.
  TRY(copy_file(from / "fleet.db", data / "fleet.db", ignored));
  TRY(hand_over_below(data));
  TRY(flush(data, O_RDONLY | O_DIRECTORY));
  return report;
}

}  // namespace aloft::fleet
