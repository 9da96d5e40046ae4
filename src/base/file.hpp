// Files: descriptors that close themselves, whole reads and writes, durable replacement.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft {

// Owns a file descriptor; closes it when it goes. Movable, not copyable.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC, and EINTR retried. Errors: kNotFound, kPermission, kNoSpace, kIo.
Result<Fd> open_file(const std::filesystem::path& path, int flags, unsigned mode = 0644);

// The error for a failed system call, from errno: what was being done, to what, and the system's reason.
Error system_error(std::string_view doing, const std::filesystem::path& what, int error_number);

// A whole file of at most limit_bytes. Errors: as open_file, and kTooLarge.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit_bytes = 64ULL << 20);

// All of bytes, or an error (kNoSpace, kIo); short writes are continued.
Result<> write_all(int fd, ByteView bytes);
// Reads until the buffer is full or the file ends; the count tells which.
Result<std::size_t> read_full(int fd, MutableByteView buffer);
Result<std::size_t> read_full_at(int fd, MutableByteView buffer, std::uint64_t offset);
Result<> write_all_at(int fd, ByteView bytes, std::uint64_t offset);

// Replaces path's content as a whole: new file, fsync, rename, fsync of the folder. After a power cut the old or the new content
// stands, and once this has returned, the new. For ext4 and its like; never for FAT, where rename is not atomic (boot state is
// written in place instead, see boot/).
Result<> replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);
// Renames path to "PATH.bad", in place of an earlier one, durably: what cannot be read makes room for a new file and stays for a person.
Result<> set_file_aside(const std::filesystem::path& path);
// The same as replace_file for content too large to hold: gives the finished file `fresh` (in the same folder, open as fd) the name path.
Result<> publish_file(int fd, const std::filesystem::path& fresh, const std::filesystem::path& path);
// In which a path that is given lies: "." for a bare name.
std::filesystem::path folder_of(const std::filesystem::path& path);

}  // namespace aloft
