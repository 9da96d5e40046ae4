#include "storage/file_target.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {}  // namespace

// A path in a volume may not leave it by links; one in the running system goes where it goes.
Result<Fd> FileTarget::open_folder() {
  if (!volume_) return open_file(path_.parent_path(), O_RDONLY | O_DIRECTORY);
  root_ = TRY(volume_->mount(Access::read_write));
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT;
  Fd folder(static_cast<int>(::syscall(SYS_openat2, root_.get(), path_.parent_path().c_str(), &how, sizeof how)));
  if (!folder) return fail(system_error("opening the folder of", path_, errno));
  return folder;
}

Result<> FileTarget::begin(const bundle::Image& image) {
  expected_ = image.sha256;
  folder_ = TRY(open_folder());
  struct statfs system{};
  if (::fstatfs(folder_.get(), &system) != 0) return fail(system_error("looking at the folder of", path_, errno));
  const bool fat = system.f_type == MSDOS_SUPER_MAGIC;
  if (fat && on_fat_ == OnFat::refuse)
    return fail(kNotOnFat, path_.string() + " lies on FAT, where no file can be replaced at once; give each group a file of its own");
  fresh_name_ = fat ? path_.filename().string() : "." + path_.filename().string() + ".aloft-new";
  if (::unlinkat(folder_.get(), fresh_name_.c_str(), 0) != 0 && errno != ENOENT) return fail(system_error("removing", fresh_name_, errno));
  file_ = Fd(::openat(folder_.get(), fresh_name_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file_) return fail(system_error("making", path_, errno));
  return {};
}

Result<> FileTarget::append(ByteView content) { return write_all(file_.get(), content); }

Result<> FileTarget::read_back() const {
  ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
  crypto::Sha256 hash;
  Bytes buffer(kReadBytes);
  for (std::uint64_t offset = 0;;) {
    const std::size_t count = TRY(read_full_at(file_.get(), buffer, offset));
    hash.update(ByteView(buffer).first(count));
    offset += count;
    if (count < buffer.size()) break;
  }
  if (hash.finish() == expected_) return {};
  return fail(kReadBack, path_.string() + " reads back differently than it was written; the device may be failing");
}

Result<> FileTarget::finish() {
  if (::fchmod(file_.get(), mode_) != 0) return fail(system_error("setting the mode of", path_, errno));
  if (::fsync(file_.get()) != 0) return fail(system_error("flushing", path_, errno));
  TRY(read_back());
  const std::string name = path_.filename().string();
  if (fresh_name_ != name && ::renameat(folder_.get(), fresh_name_.c_str(), folder_.get(), name.c_str()) != 0)
    return fail(system_error("replacing", path_, errno));
  if (::fsync(folder_.get()) != 0) return fail(system_error("flushing the folder of", path_, errno));
  fresh_name_.clear();
  return close_all();
}

Result<> FileTarget::close_all() {
  file_ = Fd();
  folder_ = Fd();
  if (!root_) return {};
  return volume_->release(std::move(root_));
}

void FileTarget::abort() {
  if (folder_ && !fresh_name_.empty()) ::unlinkat(folder_.get(), fresh_name_.c_str(), 0);
  fresh_name_.clear();
  if (auto closed = close_all(); !closed) log::warning("slot: " + closed.error().text());
}

}  // namespace aloft::storage
