// The archive that a .swu file is: cpio in its "new ASCII" forms (cpio(5); kernel,
// Documentation/driver-api/early-userspace/buffer-format.rst).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::foreign {

inline constexpr std::size_t kMaxCpioEntries = 1024;
inline constexpr std::size_t kMaxCpioNameBytes = 255;

struct CpioEntry {
  std::string name;
  std::uint64_t offset_bytes = 0;  // of its data in the file
  std::uint64_t size_bytes = 0;
};

// Reads so many bytes at an offset, fewer only at the end.
using ReadAt = std::function<Result<Bytes>(std::uint64_t offset_bytes, std::size_t size_bytes)>;

// All entries up to the trailer, in their order. Errors: kBadArchive, those of the reader.
Result<std::vector<CpioEntry>> list_cpio(const ReadAt& read, std::uint64_t total_bytes);

}  // namespace aloft::foreign
