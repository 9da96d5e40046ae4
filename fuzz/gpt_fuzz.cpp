// Partition tables, GUID and MBR: any bytes as a disk. What is read must survive being written and read again.
#include <algorithm>
#include <cstdlib>

#include "boot/partition_place.hpp"
#include "storage/boot_flag.hpp"
#include "storage/gpt.hpp"

namespace {

using namespace aloft;

class MemoryDevice final : public storage::BlockDevice {
 public:
  explicit MemoryDevice(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
  std::uint64_t size_bytes() const override { return bytes_.size(); }
  Result<> read(std::uint64_t offset, MutableByteView buffer) override {
    if (offset > bytes_.size() || buffer.size() > bytes_.size() - offset) std::abort();
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), buffer.size(), buffer.begin());
    return {};
  }
  Result<> write(std::uint64_t offset, ByteView bytes) override {
    if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset) std::abort();
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  Result<> flush() override { return {}; }

 private:
  Bytes bytes_;
};

}  // namespace

extern "C" int gpt_fuzz(const std::uint8_t* data, std::size_t size) {
  if (const auto guid = storage::parse_guid({reinterpret_cast<const char*>(data), size}))
    if (storage::parse_guid(storage::to_text(*guid)).value() != *guid) std::abort();
  if (size < 512 || size > (1U << 20)) return 0;
  MemoryDevice disk(std::as_bytes(std::span(data, size)));
  const auto place = storage::partition_place(disk, 2);
  if (place && place->size_bytes == 0) std::abort();
  if (storage::flagged(disk, {1, 2}) && storage::flag(disk, {1, 2}, 1) && storage::flagged(disk, {1, 2}) != 1U) std::abort();
  for (const std::size_t block_bytes : {512U, 4096U}) {
    const auto entry = boot::place_in_gpt({reinterpret_cast<const char*>(data), size}, 2, block_bytes);
    if (entry && (entry->number != 2 || entry->start == 0 || entry->size == 0)) std::abort();
  }
  auto gpt = storage::Gpt::read(disk);
  if (!gpt) return 0;
  for (std::size_t index = 0; index < gpt->entry_count(); ++index) static_cast<void>(gpt->set(index, gpt->entry(index)));
  gpt->fit_to(disk);
  if (!gpt->write(disk)) return 0;
  if (!storage::Gpt::read(disk)) std::abort();
  return 0;
}
