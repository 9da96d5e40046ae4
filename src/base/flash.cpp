#include "base/flash.hpp"

#include <fcntl.h>
#include <mtd/mtd-user.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/errors.hpp"

namespace aloft {
namespace {

constexpr std::uint64_t kMaxSizeAttribute = 64;

// The ioctl knows 32 bits of it.
std::uint64_t size_of(int fd, const mtd_info_user& info) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return info.size;
  const auto attribute = read_file(
      "/sys/dev/char/" + std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev)) + "/size", kMaxSizeAttribute);
  if (!attribute) return info.size;
  const std::uint64_t size = std::strtoull(attribute->c_str(), nullptr, 10);
  return size == 0 ? info.size : size;
}

mtd_ecc_stats counters(int fd) {
  mtd_ecc_stats stats{};
  ::ioctl(fd, ECCGETSTATS, &stats);  // a device without them counts nothing
  return stats;
}

}  // namespace

Result<std::unique_ptr<MtdFlash>> MtdFlash::open(const std::filesystem::path& device, Use use) {
  Fd fd = TRY(open_file(device, use == Use::write ? O_RDWR : O_RDONLY));
  mtd_info_user info{};
  if (::ioctl(fd.get(), MEMGETINFO, &info) != 0 || info.erasesize == 0)
    return fail(kBadArgument, device.string() + " is no MTD device; raw flash is /dev/mtd0, /dev/mtd1, ...");
  const Geometry geometry{.size_bytes = size_of(fd.get(), info),
                          .block_bytes = info.erasesize,
                          .page_bytes = std::max<std::uint64_t>(info.writesize, 1),
                          .is_nand = info.type == MTD_NANDFLASH || info.type == MTD_MLCNANDFLASH};
  return std::unique_ptr<MtdFlash>(new MtdFlash(device, std::move(fd), geometry));
}

Result<bool> MtdFlash::is_bad(std::uint64_t block) {
  auto offset = static_cast<loff_t>(block);
  const int bad = ::ioctl(fd_.get(), MEMGETBADBLOCK, &offset);
  if (bad < 0 && errno == EOPNOTSUPP) return false;  // NOR
  if (bad < 0) return fail(system_error("asking for bad blocks of", device_, errno));
  return bad != 0;
}

Result<> MtdFlash::mark_bad(std::uint64_t block) {
  auto offset = static_cast<loff_t>(block);
  if (::ioctl(fd_.get(), MEMSETBADBLOCK, &offset) != 0) return fail(system_error("marking a block bad of", device_, errno));
  return {};
}

Result<Flash::Ecc> MtdFlash::read(std::uint64_t offset, MutableByteView buffer) {
  const mtd_ecc_stats before = counters(fd_.get());
  const std::size_t count = TRY(read_full_at(fd_.get(), buffer, offset));
  if (count != buffer.size()) return fail(kUnexpectedEnd, device_.string() + " ends before its size");
  const mtd_ecc_stats after = counters(fd_.get());
  if (after.failed != before.failed) return Ecc::uncorrectable;
  return after.corrected == before.corrected ? Ecc::clean : Ecc::corrected;
}

Result<Flash::Done> MtdFlash::erase(std::uint64_t block) {
  erase_info_user narrow{.start = static_cast<std::uint32_t>(block), .length = static_cast<std::uint32_t>(geometry_.block_bytes)};
  if (block <= UINT32_MAX) ::ioctl(fd_.get(), MEMUNLOCK, &narrow);  // not locked, or cannot be: this fails and nothing is amiss
  erase_info_user64 where{.start = block, .length = geometry_.block_bytes};
  if (::ioctl(fd_.get(), MEMERASE64, &where) == 0) return Done::well;
  if (errno == EIO) return Done::worn;
  return fail(system_error("erasing a block of", device_, errno));
}

Result<Flash::Done> MtdFlash::program(std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EIO) return Done::worn;
    if (count < 0) return fail(system_error("writing", device_, errno));
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return Done::well;
}

}  // namespace aloft
