#include <fcntl.h>
#include <mtd/ubi-user.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "base/errors.hpp"
#include "boot/errors.hpp"
#include "boot/flash.hpp"

namespace aloft::boot {
namespace {

constexpr std::uint64_t kMaxNameBytes = 256;

}  // namespace

// "/dev/ubi0:env" is the volume of /sys/class/ubi/ubi0_* whose name is "env".
Result<std::filesystem::path> UbiRegion::device() const {
  const std::string text = volume_.filename().string();
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return volume_;
  const std::string device = text.substr(0, colon) + "_";
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/ubi", problem)) {
    if (!entry.path().filename().string().starts_with(device)) continue;
    const auto name = read_file(entry.path() / "name", kMaxNameBytes);
    if (name && name->substr(0, name->find('\n')) == text.substr(colon + 1)) return volume_.parent_path() / entry.path().filename();
  }
  return fail(kNotFound, "there is no UBI volume " + volume_.string());
}

Result<std::string> UbiRegion::read() {
  const auto path = TRY(device());
  const Fd fd = TRY(open_file(path, O_RDONLY));
  std::string content(size_bytes_, '\0');
  content.resize(TRY(read_full_at(fd.get(), std::as_writable_bytes(std::span(content)), 0)));
  return content;
}

Result<> UbiRegion::write(std::uint64_t offset, std::string_view sectors) {
  if (offset != 0 || sectors.size() != size_bytes_) return fail(kBootStateWrite, "boot state in a UBI volume is written as a whole");
  const auto path = TRY(device());
  const Fd fd = TRY(open_file(path, O_RDWR));
  auto bytes = static_cast<std::int64_t>(sectors.size());
  if (::ioctl(fd.get(), UBI_IOCVOLUP, &bytes) != 0) return fail(system_error("beginning an update of", path, errno));
  TRY(write_all(fd.get(), as_bytes(sectors)));
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return fail(system_error("syncing", path, errno));
  return {};
}

Result<> UbiRegion::check_writable() {
  const auto path = TRY(device());
  TRY(open_file(path, O_RDWR));
  return {};
}

}  // namespace aloft::boot
