#include "delta/make/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/errors.hpp"

namespace aloft::delta {

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const Fd fd = TRY(open_file(path, O_RDONLY));
  return map(fd.get(), path);
}

Result<MappedFile> MappedFile::map(int fd, const std::filesystem::path& name) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return fail(system_error("cannot examine", name, errno));
  if (!S_ISREG(status.st_mode)) return fail(kBadArgument, name.string() + " is not a regular file; copy it into one");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return MappedFile({});
  void* place = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (place == MAP_FAILED) return fail(system_error("cannot map", name, errno));
  return MappedFile({static_cast<const std::byte*>(place), size});
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::relax() const {
  if (!bytes_.empty()) ::madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
}

}  // namespace aloft::delta
