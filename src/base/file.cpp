#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/errors.hpp"

namespace aloft {
namespace {

ErrorCode code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR: return kNotFound;
    case EACCES:
    case EPERM:
    case EROFS: return kPermission;
    case ENOSPC:
    case EFBIG:
    case EDQUOT: return kNoSpace;
    default: return kIo;
  }
}

Error descriptor_error(std::string_view doing, int error_number) {
  return Error{code_of(error_number), std::string(doing) + ": " + std::generic_category().message(error_number)};
}

Result<> sync_folder(const std::filesystem::path& folder) {
  const Fd fd = TRY(open_file(folder, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return fail(system_error("cannot flush folder", folder, errno));
  return {};
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Error system_error(std::string_view doing, const std::filesystem::path& what, int error_number) {
  return Error{code_of(error_number), std::string(doing) + " " + what.string() + ": " + std::generic_category().message(error_number)};
}

Result<Fd> open_file(const std::filesystem::path& path, int flags, unsigned mode) {
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR) return fail(system_error("cannot open", path, errno));
  }
}

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit_bytes) {
  const Fd fd = TRY(open_file(path, O_RDONLY));
  std::string content;
  constexpr std::size_t kStep = 64 << 10;
  for (;;) {
    const std::size_t start = content.size();
    content.resize(start + kStep);
    const auto count = read_full(fd.get(), std::as_writable_bytes(std::span(content).subspan(start)));
    if (!count) return fail(Error(count.error()).within("reading " + path.string()));
    content.resize(start + *count);
    if (content.size() > limit_bytes)
      return fail(kTooLarge, path.string() + " is larger than the " + std::to_string(limit_bytes) + " bytes allowed here");
    if (*count < kStep) return content;
  }
}

Result<> write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(descriptor_error("cannot write", errno));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::size_t> read_full(int fd, MutableByteView buffer) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count = ::read(fd, buffer.data() + done, buffer.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(descriptor_error("cannot read", errno));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<std::size_t> read_full_at(int fd, MutableByteView buffer, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count = ::pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(descriptor_error("cannot read", errno));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<> write_all_at(int fd, ByteView bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(descriptor_error("cannot write", errno));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

std::filesystem::path folder_of(const std::filesystem::path& path) { return path.has_parent_path() ? path.parent_path() : "."; }

Result<> publish_file(int fd, const std::filesystem::path& fresh, const std::filesystem::path& path) {
  if (::fsync(fd) != 0) return fail(system_error("cannot flush", fresh, errno));
  if (::rename(fresh.c_str(), path.c_str()) != 0) return fail(system_error("cannot replace", path, errno));
  return sync_folder(folder_of(path));
}

Result<> set_file_aside(const std::filesystem::path& path) {
  auto aside = path;
  aside += ".bad";
  if (::rename(path.c_str(), aside.c_str()) != 0) return fail(system_error("cannot set aside", path, errno));
  return sync_folder(folder_of(path));
}

Result<> replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  auto fresh = path;
  fresh += ".new";
  ::unlink(fresh.c_str());  // what a power cut left there may be open to other users
  const Fd fd = TRY(open_file(fresh, O_WRONLY | O_CREAT | O_EXCL, mode));
  auto done = write_all(fd.get(), as_bytes(content));
  if (done) done = publish_file(fd.get(), fresh, path);
  if (!done) ::unlink(fresh.c_str());
  return done;
}

}  // namespace aloft
