#include "boot/env_block.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.hpp"
#include "boot/errors.hpp"
#include "boot/grub_env.hpp"

namespace aloft::boot {
namespace {

constexpr std::size_t kLimitBytes = 4096;

Result<> sync(int fd, const std::filesystem::path& path) {
  if (::fsync(fd) != 0) return fail(system_error("syncing", path, errno));
  return {};
}

}  // namespace

Result<std::string> EnvFile::read() {
  const Fd fd = TRY(open_file(path_, O_RDONLY));
  // What a write has left in the page cache says nothing about the device.
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  std::string block(kLimitBytes, '\0');
  block.resize(TRY(read_full(fd.get(), std::as_writable_bytes(std::span(block)))));
  return block;
}

Result<> EnvFile::write_sector(std::size_t index, std::string_view sector) {
  if (sector.size() != kSectorBytes) return fail(kBootStateWrite, "a sector has 512 bytes");
  const Fd fd = TRY(open_file(path_, O_WRONLY | O_DSYNC));
  TRY(write_all_at(fd.get(), as_bytes(sector), index * kSectorBytes));
  return sync(fd.get(), path_);
}

Result<> EnvFile::create(std::string_view block) {
  const Fd fd = TRY(open_file(path_, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  TRY(write_all(fd.get(), as_bytes(block)));
  TRY(sync(fd.get(), path_));
  const Fd folder = TRY(open_file(path_.parent_path(), O_RDONLY | O_DIRECTORY));
  return sync(folder.get(), path_.parent_path());
}

}  // namespace aloft::boot
