#include "file_calls.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <utility>

namespace aloft::test {
namespace {

namespace fs = std::filesystem;

constinit std::mutex mutex;
constinit FileCalls* noting = nullptr;

fs::path path_of(int fd) {
  std::error_code none;
  return fs::read_symlink("/proc/self/fd/" + std::to_string(fd), none);
}

// libc's, or that of a sanitizer before it.
template <typename R, typename... A>
R next(const char* name, A... arguments) {
  return reinterpret_cast<R (*)(A...)>(::dlsym(RTLD_NEXT, name))(arguments...);
}

// Notes a call that has succeeded, and hands its outcome on.
template <typename R, typename... A>
R noted(R outcome, const A&... call) {
  const int error = errno;
  if (outcome >= 0) FileCalls::note(call...);
  errno = error;
  return outcome;
}

const char* how_written(int fd) { return (::fcntl(fd, F_GETFL) & O_DSYNC) != 0 ? "write through" : "write"; }

}  // namespace

FileCalls::FileCalls() {
  std::string pattern = fs::canonical(fs::temp_directory_path()) / "aloft-calls-XXXXXX";
  folder_ = ::mkdtemp(pattern.data());
  const std::lock_guard lock(mutex);
  noting = this;
}

FileCalls::~FileCalls() {
  {
    const std::lock_guard lock(mutex);
    noting = nullptr;
  }
  fs::remove_all(folder_);
}

std::string FileCalls::taken() {
  const std::lock_guard lock(mutex);
  last_.clear();
  return std::exchange(noted_, {});
}

void FileCalls::note(const char* call, int fd) { note(call, path_of(fd)); }

void FileCalls::note(const char* call, const fs::path& path, const fs::path& to) {
  const std::lock_guard lock(mutex);
  if (noting == nullptr) return;
  std::string text = call;
  for (const fs::path& name : {path, to}) {
    if (name.empty()) continue;
    const std::string relative = name.lexically_relative(noting->folder_);
    if (relative.empty() || relative.starts_with("..")) return;
    text += " " + relative;
  }
  if (text == std::exchange(noting->last_, text)) return;
  noting->noted_ += (noting->noted_.empty() ? "" : ", ") + text;
}

}  // namespace aloft::test

using aloft::test::how_written;
using aloft::test::next;
using aloft::test::noted;
using aloft::test::path_of;

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) { return noted(next<ssize_t>("write", fd, bytes, size), how_written(fd), fd); }

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return noted(next<ssize_t>("pwrite", fd, bytes, size, offset), how_written(fd), fd);
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {  // SQLite's
  return noted(next<ssize_t>("pwrite64", fd, bytes, size, offset), how_written(fd), fd);
}

int fsync(int fd) { return noted(next<int>("fsync", fd), "fsync", fd); }
int fdatasync(int fd) { return noted(next<int>("fdatasync", fd), "fdatasync", fd); }
int mkdir(const char* path, mode_t mode) noexcept { return noted(next<int>("mkdir", path, mode), "make", path); }
int unlink(const char* path) noexcept { return noted(next<int>("unlink", path), "remove", path); }
int rmdir(const char* path) noexcept { return noted(next<int>("rmdir", path), "remove", path); }
int rename(const char* from, const char* to) noexcept { return noted(next<int>("rename", from, to), "rename", from, to); }

int unlinkat(int folder, const char* path, int flags) noexcept {
  return noted(next<int>("unlinkat", folder, path, flags), "remove", path_of(folder) / path);
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  return noted(next<int>("renameat", from_folder, from, to_folder, to), "rename", path_of(from_folder) / from, path_of(to_folder) / to);
}

}  // extern "C"
