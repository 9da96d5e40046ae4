// Whatever somebody uploads as an update file of another project: it is refused, or what is said of it stays within the limits.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "foreign/cpio.hpp"
#include "foreign/libconfig.hpp"
#include "foreign/raucb.hpp"
#include "foreign/sw_description.hpp"

extern "C" int foreign_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const ByteView bytes = std::as_bytes(std::span(data, size));
  const std::string_view text = as_text(bytes);
  const foreign::ReadAt read = [bytes](std::uint64_t offset, std::size_t count) -> Result<Bytes> {
    if (offset >= bytes.size()) return Bytes{};
    const ByteView part = bytes.subspan(offset, std::min<std::size_t>(count, bytes.size() - offset));
    return Bytes(part.begin(), part.end());
  };
  if (const auto entries = foreign::list_cpio(read, size))
    for (const foreign::CpioEntry& entry : *entries)
      if (entry.offset_bytes > size || entry.size_bytes > size - entry.offset_bytes || entry.name.size() > foreign::kMaxCpioNameBytes)
        std::abort();
  (void)foreign::parse_libconfig(text);
  if (const auto contents = foreign::read_sw_description(text)) foreign::to_json(*contents);
  if (const auto contents = foreign::read_rauc_manifest(text); contents && contents->name.empty()) std::abort();
  (void)foreign::read_rauc_cms(bytes);
  return 0;
}
