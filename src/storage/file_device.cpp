#include "storage/file_device.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "storage/aligned_buffer.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

Result<std::uint64_t> size_of(int fd, const struct stat& status, const std::filesystem::path& path) {
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  std::uint64_t size = 0;
  if (::ioctl(fd, BLKGETSIZE64, &size) != 0) return fail(system_error("asking for the size of", path, errno));
  return size;
}

}  // namespace

Result<std::unique_ptr<FileDevice>> FileDevice::open(const std::filesystem::path& path, Claim claim) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return fail(system_error("opening the slot", path, errno));
  const bool is_block = S_ISBLK(status.st_mode);
  if (!is_block && !S_ISREG(status.st_mode)) {
    return fail(kNotADevice, path.string() + " is neither a block device nor a file; check the slot in system.toml");
  }
  Fd cached(::open(path.c_str(), O_RDWR | O_CLOEXEC | (is_block && claim == Claim::exclusive ? O_EXCL : 0)));
  if (!cached && errno == EBUSY) {
    return fail(kDeviceBusy, path.string() + " is mounted or in use, so it is not written; check the groups in system.toml");
  }
  if (!cached) return fail(system_error("opening the slot", path, errno));
  Fd direct(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_DIRECT));
  const std::uint64_t size = TRY(size_of(cached.get(), status, path));
  return std::unique_ptr<FileDevice>(new FileDevice(path, std::move(cached), std::move(direct), size));
}

Result<> FileDevice::check(std::uint64_t offset, std::uint64_t size) const {
  if (offset <= size_bytes_ && size <= size_bytes_ - offset) return {};
  return fail(kOutsideDevice, "an access of " + std::to_string(size) + " bytes at " + std::to_string(offset) + " is past the end of " +
                                  path_.string() + " (" + std::to_string(size_bytes_) + " bytes)");
}

bool FileDevice::fits_direct(std::uint64_t offset, ByteView buffer) const {
  return direct_ && (offset | buffer.size() | reinterpret_cast<std::uintptr_t>(buffer.data())) % kAlignment == 0;
}

Result<> FileDevice::read(std::uint64_t offset, MutableByteView buffer) {
  TRY(check(offset, buffer.size()));
  const bool direct = fits_direct(offset, buffer);
  const Fd& fd = direct ? direct_ : cached_;
  if (!direct) ::posix_fadvise(fd.get(), static_cast<off_t>(offset), static_cast<off_t>(buffer.size()), POSIX_FADV_DONTNEED);
  const std::size_t count = TRY(read_full_at(fd.get(), buffer, offset));
  if (count != buffer.size()) return fail(kOutsideDevice, path_.string() + " ends before its size");
  return {};
}

Result<> FileDevice::write(std::uint64_t offset, ByteView bytes) {
  TRY(check(offset, bytes.size()));
  return write_all_at(cached_.get(), bytes, offset);
}

// Deallocating wears flash least; the kernel promises that both ways read back as zeros.
Result<> FileDevice::write_zeros(std::uint64_t offset, std::uint64_t size) {
  TRY(check(offset, size));
  const auto from = static_cast<off_t>(offset);
  const auto length = static_cast<off_t>(size);
  if (::fallocate(cached_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, length) == 0) return {};
  if (::fallocate(cached_.get(), FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, from, length) == 0) return {};
  return BlockDevice::write_zeros(offset, size);
}

Result<> FileDevice::flush() {
  if (::fdatasync(cached_.get()) != 0) return fail(system_error("flushing", path_, errno));
  ::posix_fadvise(cached_.get(), 0, 0, POSIX_FADV_DONTNEED);
  return {};
}

}  // namespace aloft::storage
