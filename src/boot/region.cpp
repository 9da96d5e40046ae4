#include "boot/region.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

constexpr int kMaxLinks = 40;  // path_resolution(7)

Result<> sync(int fd, const std::filesystem::path& path) {
  if (::fsync(fd) != 0) return fail(system_error("syncing", path, errno));
  return {};
}

// Where the file system that holds a state is not mounted, or a device has gone, the folder is there all the same. A file made in it would
// take every change, and the boot loader would go on by the state that it finds elsewhere.
Result<> may_be_made(const std::filesystem::path& file) {
  std::error_code problem;
  auto place = file;
  for (int links = 0; links < kMaxLinks && std::filesystem::is_symlink(place, problem); ++links)
    place = place.parent_path() / std::filesystem::read_symlink(place, problem);
  const auto parent = place.parent_path();
  struct stat folder{};
  if (::stat(parent.c_str(), &folder) != 0) return fail(system_error("cannot find", parent, errno));
  for (const char* other : {"/", "/dev"}) {
    struct stat there{};
    if (::stat(other, &there) == 0 && folder.st_dev == there.st_dev)
      return fail(kNotFound, file.string() + " is missing, and is not made anew in the file system of " + other +
                                 ": its own is not mounted, or whoever made the device has left it out");
  }
  return {};
}

}  // namespace

Result<> Region::clear_byte(std::uint64_t) { return fail(kBootStateWrite, "this storage cannot clear a single byte"); }

std::unique_ptr<FileRegion> FileRegion::whole_file(std::filesystem::path path, std::size_t most_bytes) {
  auto region = std::make_unique<FileRegion>(std::move(path), 0, most_bytes);
  region->is_whole_file_ = true;
  return region;
}

Result<std::string> FileRegion::read() {
  const Fd fd = TRY(open_file(path_, O_RDONLY));
  // What a write has left in the page cache says nothing about the device.
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  std::string content(size_bytes_, '\0');
  const auto bytes = std::as_writable_bytes(std::span(content));
  const auto whole = read_full_at(fd.get(), bytes, offset_bytes_);
  if (whole) {
    content.resize(*whole);
    return content;
  }
  if (whole.error().code.number != kIo.number) return fail(whole.error());
  log::warning(path_.string() + ": " + whole.error().message + "; the sectors that cannot be read count as damaged");
  std::ranges::fill(content, '\0');
  for (std::size_t at = 0; at < size_bytes_; at += kSectorBytes) {
    const std::size_t size = std::min(kSectorBytes, size_bytes_ - at);
    const auto part = read_full_at(fd.get(), bytes.subspan(at, size), offset_bytes_ + at);
    if (part && *part < size) {
      content.resize(at + *part);
      break;
    }
  }
  return content;
}

Result<> FileRegion::write(std::uint64_t offset, std::string_view sectors) {
  const Fd fd = TRY(open_file(path_, O_WRONLY | O_DSYNC));
  std::uint64_t size = size_bytes_;
  if (is_whole_file_) {
    struct stat found{};
    if (::fstat(fd.get(), &found) != 0) return fail(system_error("cannot look at", path_, errno));
    size = std::min(size, static_cast<std::uint64_t>(found.st_size));
  }
  const std::uint64_t end = offset + sectors.size();
  const bool whole = offset % kSectorBytes == 0 && (sectors.size() % kSectorBytes == 0 || end == size);
  if (sectors.empty() || !whole || end > size)
    return fail(kBootStateWrite, "boot state in " + path_.string() + " is written in whole sectors of 512 bytes, within its region");
  TRY(write_all_at(fd.get(), as_bytes(sectors), offset_bytes_ + offset));
  return sync(fd.get(), path_);
}

Result<> FileRegion::create(std::string_view content) {
  struct stat found{};
  const bool is_there = ::stat(path_.c_str(), &found) == 0;
  if (!is_there) TRY(may_be_made(path_));
  const bool is_file = !is_there || S_ISREG(found.st_mode);
  const int flags = O_WRONLY | (is_file ? O_CREAT : 0) | (is_file && offset_bytes_ == 0 ? O_TRUNC : 0);
  const Fd fd = TRY(open_file(path_, flags, 0600));
  TRY(write_all_at(fd.get(), as_bytes(content), offset_bytes_));
  TRY(sync(fd.get(), path_));
  if (!is_file) return {};
  std::error_code problem;
  const auto made_in = std::filesystem::canonical(path_, problem).parent_path();  // where links lead
  if (problem) return fail(system_error("cannot find", path_, problem.value()));
  const Fd folder = TRY(open_file(made_in, O_RDONLY | O_DIRECTORY));
  return sync(folder.get(), made_in);
}

Result<> FileRegion::check_writable() {
  TRY(open_file(path_, O_WRONLY));
  return {};
}

}  // namespace aloft::boot
