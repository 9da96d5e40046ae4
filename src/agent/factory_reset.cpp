#include "agent/factory_reset.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/errors.hpp"
#include "base/errors.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRequest = "factory-reset";

bool lies_in(const fs::path& inner, const fs::path& outer) {
  const fs::path in = inner.lexically_normal();
  const fs::path out = (outer / "").lexically_normal().parent_path();  // "/data" and "/data/" are one
  const auto [in_rest, out_rest] = std::ranges::mismatch(in, out);
  return out_rest == out.end();
}

Result<> sync_folder(const fs::path& folder) {
  const Fd fd = TRY(open_file(folder, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return fail(system_error("syncing", folder, errno));
  return {};
}

Result<> remove_request(const fs::path& state_dir) {
  const fs::path request = state_dir / kRequest;
  if (::unlink(request.c_str()) != 0 && errno != ENOENT) return fail(system_error("removing", request, errno));
  return sync_folder(state_dir);
}

// `device`: what is on another is mounted, and left alone.
Result<> empty_folder(const fs::path& folder, dev_t device, const std::function<void()>& each_step) {
  std::error_code problem;
  std::vector<fs::path> entries;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem))
    entries.push_back(entry->path());
  if (problem) return fail(system_error("reading", folder, problem.value()));
  for (const fs::path& entry : entries) {
    struct stat found{};
    if (::lstat(entry.c_str(), &found) != 0) return fail(system_error("looking at", entry, errno));
    if (found.st_dev != device) continue;
    if (S_ISDIR(found.st_mode)) TRY(empty_folder(entry, device, each_step));
    each_step();
    const int removed = S_ISDIR(found.st_mode) ? ::rmdir(entry.c_str()) : ::unlink(entry.c_str());
    // Not empty, or busy: another file system is mounted there.
    if (removed != 0 && errno != ENOTEMPTY && errno != EBUSY) return fail(system_error("removing", entry, errno));
  }
  return sync_folder(folder);
}

}  // namespace

Result<> check_reset_folders(const std::vector<fs::path>& folders, const fs::path& state_dir, const fs::path& trust_dir) {
  for (const fs::path& folder : folders) {
    const std::string name = "factory_reset.folders: \"" + folder.string() + "\" ";
    if (!folder.is_absolute() || folder.lexically_normal() == folder.root_path())
      return fail(kConfigValue, name + "must be an absolute path, and not /");
    for (const fs::path& kept : {state_dir, trust_dir})
      if (lies_in(kept, folder)) return fail(kConfigValue, name + "holds " + kept.string() + ", which a factory reset must keep");
    if (lies_in(folder, state_dir)) return fail(kConfigValue, name + "lies in state_dir, which a factory reset must keep");
  }
  return {};
}

Result<> request_factory_reset(const fs::path& state_dir, const std::vector<fs::path>& folders) {
  if (folders.empty())
    return fail(kNothingToReset, "system.toml names no folder to empty; list those of the application under [factory_reset] folders");
  return replace_file(state_dir / kRequest, "asked for\n", 0600);
}

Result<> cancel_factory_reset(const fs::path& state_dir) { return remove_request(state_dir); }

bool is_factory_reset_requested(const fs::path& state_dir) {
  std::error_code problem;
  return fs::exists(state_dir / kRequest, problem);
}

Result<Reset> carry_out_factory_reset(const fs::path& state_dir, const std::vector<fs::path>& folders,
                                      const std::function<void()>& each_step) {
  if (!is_factory_reset_requested(state_dir)) return Reset::not_asked_for;
  for (const fs::path& folder : folders) {
    struct stat found{};
    if (::lstat(folder.c_str(), &found) != 0) {
      if (errno == ENOENT) continue;
      return fail(system_error("looking at", folder, errno));
    }
    if (!S_ISDIR(found.st_mode)) return fail(kBadArgument, folder.string() + " is no folder, so it is not emptied");
    TRY(empty_folder(folder, found.st_dev, each_step));
  }
  TRY(remove_request(state_dir));
  return Reset::done;
}

}  // namespace aloft::agent
