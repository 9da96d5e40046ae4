// The state of barebox as it lies on a device without erase blocks (barebox common/state/backend_bucket_direct.c and backend_format_raw.c):
// three copies, a stride apart, of
//   magic 2354fdf3 | length of what follows || magic of the state | 0 (16 bits) | length of data (16) | CRC-32 of data | CRC-32 of the 12
//   bytes before || data
// all in the byte order of the CPU. The first valid copy counts; barebox writes the others anew from it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "boot/region.hpp"

namespace aloft::boot {

inline constexpr std::size_t kBareboxCopies = 3;

// The data of one copy; without the first 8 bytes it is one of an old barebox. Errors: kBootStateCorrupt.
Result<std::string> parse_barebox_copy(std::string_view bytes, std::uint32_t magic);
std::string format_barebox_copy(std::string_view data, std::uint32_t magic);

class BareboxState {
 public:
  // area: from the start of the first copy, three strides, in whole sectors.
  BareboxState(std::unique_ptr<Region> area, std::uint32_t magic, std::size_t stride_bytes)
      : area_(std::move(area)), magic_(magic), stride_bytes_(stride_bytes) {}
  // The data of the first valid copy. Errors: kBootStateCorrupt where none is.
  Result<std::string> load();
  // Writes each copy in turn, in place: a power cut leaves the old or the new data first in line, as long as one copy does not lie in
  // more than one sector or another valid one follows it. Read back. Errors: kBootStateFull, kBootStateWrite, those of Region.
  Result<> save(std::string_view data);
  Result<> check_writable() { return area_->check_writable(); }
  // As of the last load().
  std::vector<std::string> weaknesses() const;

 private:
  std::unique_ptr<Region> area_;
  std::uint32_t magic_;
  std::size_t stride_bytes_;
  std::vector<std::size_t> damaged_;  // numbers of copies, from 1
};

}  // namespace aloft::boot
