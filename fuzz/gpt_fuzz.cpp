// GUID partition tables: any bytes as a disk. What is read must survive being written and read again.
#include <algorithm>
#include <cstdlib>

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

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto guid = storage::parse_guid({reinterpret_cast<const char*>(data), size}))
    if (storage::parse_guid(storage::to_text(*guid)).value() != *guid) std::abort();
  if (size < 512 || size > (1U << 20)) return 0;
  MemoryDevice disk(std::as_bytes(std::span(data, size)));
  static_cast<void>(storage::flagged(disk, {1, 2}));
  auto gpt = storage::Gpt::read(disk);
  if (!gpt) return 0;
  for (std::size_t index = 0; index < gpt->entry_count(); ++index) static_cast<void>(gpt->set(index, gpt->entry(index)));
  gpt->fit_to(disk);
  if (!gpt->write(disk)) return 0;
  if (!storage::Gpt::read(disk)) std::abort();
  return 0;
}
