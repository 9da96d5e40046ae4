#include "boot/efi_variables.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

constexpr std::uint64_t kMostVariableBytes = 64 << 10;
constexpr std::size_t kAttributeBytes = 4;

// Takes the immutable flag away while it lives. A file system without such flags is left alone.
class Mutable {
 public:
  explicit Mutable(const std::filesystem::path& path) {
    if (auto fd = open_file(path, O_RDONLY)) fd_ = *std::move(fd);
    if (fd_ && ::ioctl(fd_.get(), FS_IOC_GETFLAGS, &flags_) == 0 && (flags_ & FS_IMMUTABLE_FL) != 0) set(flags_ & ~FS_IMMUTABLE_FL);
  }
  Mutable(const Mutable&) = delete;
  Mutable& operator=(const Mutable&) = delete;
  ~Mutable() {
    if (changed_) set(flags_);
  }

 private:
  void set(int flags) { changed_ = ::ioctl(fd_.get(), FS_IOC_SETFLAGS, &flags) == 0 || changed_; }
  Fd fd_;
  int flags_ = 0;
  bool changed_ = false;
};

Result<> write_once(const Fd& fd, const std::filesystem::path& path, std::string_view bytes) {
  ssize_t done = -1;
  do {
    done = ::write(fd.get(), bytes.data(), bytes.size());
  } while (done < 0 && errno == EINTR);
  if (done == static_cast<ssize_t>(bytes.size())) return {};
  if (done >= 0) return fail(kBootStateWrite, "the firmware took only a part of " + path.string());
  return fail(system_error("writing the EFI variable", path, errno));
}

}  // namespace

Result<std::optional<EfiVariable>> Efivarfs::read(std::string_view name) {
  auto content = read_file(folder_ / name, kMostVariableBytes);
  if (!content && content.error().code.number == kNotFound.number) return std::nullopt;
  if (!content) return fail(std::move(content).error());
  if (content->size() < kAttributeBytes) return std::nullopt;  // made, but never written
  return EfiVariable{load_le32(as_bytes(*content).first(kAttributeBytes)), content->substr(kAttributeBytes)};
}

Result<> Efivarfs::write(std::string_view name, const EfiVariable& variable) {
  const std::filesystem::path path = folder_ / name;
  std::string bytes(kAttributeBytes, '\0');
  store_le32(std::as_writable_bytes(std::span(bytes)), variable.attributes);
  bytes += variable.data;
  const bool existed = ::access(path.c_str(), F_OK) == 0;
  {
    const Mutable flag(path);
    const Fd fd = TRY(open_file(path, O_WRONLY | O_CREAT));
    if (const auto written = write_once(fd, path, bytes); !written) {
      if (!existed) ::unlink(path.c_str());
      return written;
    }
  }
  if (TRY(read(name)) != variable)
    return fail(kBootStateWrite, "the EFI variable " + path.string() + " reads back differently than it was written");
  return {};
}

Result<> Efivarfs::remove(std::string_view name) {
  const std::filesystem::path path = folder_ / name;
  const bool gone = [&path] {
    const Mutable flag(path);
    return ::unlink(path.c_str()) == 0 || errno == ENOENT;
  }();
  if (!gone) return fail(system_error("removing the EFI variable", path, errno));
  if (TRY(read(name))) return fail(kBootStateWrite, "the firmware still has the EFI variable " + path.string() + ", which was removed");
  return {};
}

Result<std::vector<std::string>> Efivarfs::names() {
  std::error_code problem;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator entry(folder_, problem), end; !problem && entry != end; entry.increment(problem))
    names.push_back(entry->path().filename().string());
  if (problem) return fail(system_error("listing the EFI variables in", folder_, problem.value()));
  std::ranges::sort(names);
  return names;
}

Result<> Efivarfs::check_writable() {
  if (::access(folder_.c_str(), W_OK) == 0) return {};
  return fail(system_error("cannot change EFI variables in", folder_, errno));
}

}  // namespace aloft::boot
