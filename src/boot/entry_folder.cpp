#include "boot/entry_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "boot/boot_entry.hpp"
#include "boot/errors.hpp"
#include "boot/region.hpp"

namespace aloft::boot {
namespace {

Result<> sync(const Fd& fd, const std::filesystem::path& path) {
  if (::fsync(fd.get()) == 0) return {};
  return fail(system_error("syncing", path, errno));
}

}  // namespace

Result<std::vector<std::string>> MountedFolder::names() {
  std::error_code problem;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator entry(folder_, problem), end; !problem && entry != end; entry.increment(problem))
    names.push_back(entry->path().filename().string());
  if (problem) return fail(system_error("listing the boot entries in", folder_, problem.value()));
  std::ranges::sort(names);
  return names;
}

Result<std::string> MountedFolder::read(std::string_view name) {
  const Fd fd = TRY(open_file(folder_ / name, O_RDONLY));
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);  // what is in the page cache says nothing about the device
  std::string content(kMostEntryBytes + 1, '\0');
  content.resize(TRY(read_full(fd.get(), std::as_writable_bytes(std::span(content)))));
  return content;
}

// fsync of file and folder each flush the device's cache; sync(2) on FAT does not.
Result<> MountedFolder::create_blank(std::string_view name, std::size_t size_bytes) {
  TRY(remove(name));
  const Fd fd = TRY(open_file(folder_ / name, O_WRONLY | O_CREAT | O_EXCL, 0600));
  TRY(write_all(fd.get(), as_bytes(std::string(size_bytes, '#'))));
  TRY(sync(fd, folder_ / name));
  return sync_folder();
}

Result<> MountedFolder::write_sector(std::string_view name, std::size_t index, std::string_view sector) {
  if (sector.size() != kSectorBytes) return fail(kBootStateWrite, "a sector has 512 bytes");
  const Fd fd = TRY(open_file(folder_ / name, O_WRONLY | O_DSYNC));
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  if (size < static_cast<off_t>((index + 1) * kSectorBytes))
    return fail(kBootStateWrite, (folder_ / name).string() + " is too short to be written in place");
  TRY(write_all_at(fd.get(), as_bytes(sector), index * kSectorBytes));
  return sync(fd, folder_ / name);
}

Result<> MountedFolder::remove(std::string_view name) {
  const std::filesystem::path path = folder_ / name;
  if (::unlink(path.c_str()) == 0) return sync_folder();
  return errno == ENOENT ? Result<>() : fail(system_error("removing", path, errno));
}

Result<> MountedFolder::check_writable() {
  if (::access(folder_.c_str(), W_OK) == 0) return {};
  return fail(system_error("cannot write boot entries in", folder_, errno));
}

Result<> MountedFolder::sync_folder() {
  const Fd fd = TRY(open_file(folder_, O_RDONLY | O_DIRECTORY));
  return sync(fd, folder_);
}

}  // namespace aloft::boot
