// The superblock of an UBIFS image, and the names of UBI volumes.
#include <cstdlib>

#include "base/ubi.hpp"
#include "storage/ubifs.hpp"

extern "C" int ubifs_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto geometry = storage::read_ubifs(bytes); geometry && geometry->block_bytes == 0) std::abort();
  const auto name = parse_ubi_name(as_text(bytes));
  if (name && name->name.empty() != name->volume.has_value()) std::abort();
  return 0;
}
