#include "base/handover.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/errors.hpp"
#include "base/file.hpp"

namespace aloft {

namespace fs = std::filesystem;

Result<> hand_over(const fs::path& made) {
  if (::geteuid() != 0) return {};
  struct stat owner{};
  if (::stat(made.parent_path().c_str(), &owner) != 0) return fail(system_error("cannot read", made.parent_path(), errno));
  if (::lchown(made.c_str(), owner.st_uid, owner.st_gid) != 0) return fail(system_error("cannot change the owner of", made, errno));
  return {};
}

Result<> hand_over_below(const fs::path& folder) {
  std::error_code problem;
  for (auto entry = fs::recursive_directory_iterator(folder, problem); !problem && entry != fs::end(entry); entry.increment(problem))
    TRY(hand_over(entry->path()));  // folders before what is in them
  if (problem) return fail(kIo, "cannot list " + folder.string() + ": " + problem.message());
  return {};
}

}  // namespace aloft
