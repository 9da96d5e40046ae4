#include "agent/tree_files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "delta/errors.hpp"
#include "delta/rebuild_wire.hpp"

namespace aloft::agent {
namespace {

std::unexpected<Error> not_as_it_was(const std::string& path, const char* why) {
  return fail(delta::kWrongSource, "the old tree's file " + delta::printable(path) + why);
}

Fd open_beneath(const Fd& root, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
}

}  // namespace

Result<> TreeFiles::read(const std::string& path, std::uint64_t offset, MutableByteView out) {
  if (!file_ || path_ != path) {
    file_ = open_beneath(root_, path);
    path_ = path;
    if (!file_) return not_as_it_was(path, " cannot be opened");
    struct stat kind{};
    if (::fstat(file_.get(), &kind) != 0 || !S_ISREG(kind.st_mode)) file_ = Fd();
    if (!file_) return not_as_it_was(path, " is no file");
  }
  const auto count = read_full_at(file_.get(), out, offset);
  return count && *count == out.size() ? Result<>() : not_as_it_was(path, " is shorter than the one that the delta starts from");
}

}  // namespace aloft::agent
