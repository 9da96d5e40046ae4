#include <fcntl.h>

#include "base/errors.hpp"
#include "boot/errors.hpp"
#include "boot/flash.hpp"

namespace aloft::boot {

Result<UbiPlace> UbiRegion::place() const {
  const auto name = parse_ubi_name(volume_.string());
  const auto found = name ? TRY(find_ubi_volumes(*name)) : std::vector<UbiPlace>();
  if (found.size() != 1) return fail(kNotFound, "there is no UBI volume " + volume_.string());
  return found.front();
}

Result<std::string> UbiRegion::read() {
  const UbiPlace where = TRY(place());
  std::string content(size_bytes_, '\0');
  content.resize(TRY(KernelUbi(where.device).read(where.volume.id, 0, std::as_writable_bytes(std::span(content)))));
  return content;
}

Result<> UbiRegion::write(std::uint64_t offset, std::string_view sectors) {
  if (offset != 0 || sectors.size() != size_bytes_) return fail(kBootStateWrite, "boot state in a UBI volume is written as a whole");
  const UbiPlace where = TRY(place());
  return TRY(KernelUbi(where.device).update(where.volume.id, sectors.size()))->append(as_bytes(sectors));
}

Result<> UbiRegion::check_writable() {
  const UbiPlace where = TRY(place());
  TRY(open_file("/dev/ubi" + std::to_string(where.device) + "_" + std::to_string(where.volume.id), O_RDWR));
  return {};
}

}  // namespace aloft::boot
