#include "storage/pair.hpp"

#include <algorithm>

#include "storage/aligned_buffer.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

class View final : public BlockDevice {
 public:
  explicit View(BlockDevice& device) : device_(device) {}
  std::uint64_t size_bytes() const override { return device_.size_bytes(); }
  Result<> read(std::uint64_t offset, MutableByteView buffer) override { return device_.read(offset, buffer); }
  Result<> write(std::uint64_t offset, ByteView bytes) override { return device_.write(offset, bytes); }
  Result<> write_zeros(std::uint64_t offset, std::uint64_t size) override { return device_.write_zeros(offset, size); }
  Result<> flush() override { return device_.flush(); }

 private:
  BlockDevice& device_;
};

class InactivePlace final : public DeviceTarget {
 public:
  InactivePlace(std::unique_ptr<Pair> pair, std::unique_ptr<DeviceTarget> place)
      : DeviceTarget(std::make_unique<View>(place->device())), pair_(std::move(pair)), place_(std::move(place)) {}
  ~InactivePlace() override { close_device(); }
  Result<> finish(const bundle::Image& image) override { return place_->finish(image); }

 private:
  std::unique_ptr<Pair> pair_;
  std::unique_ptr<DeviceTarget> place_;
};

Result<bool> holds(Pair& pair, unsigned place, const Waiting& waiting) {
  const std::unique_ptr<DeviceTarget> target = TRY(pair.open(place));
  BlockDevice& device = target->device();
  if (device.size_bytes() < waiting.size_bytes) return false;
  AlignedBuffer buffer(kReadBytes);
  crypto::Sha256 hash;
  for (std::uint64_t at = 0; at < waiting.size_bytes;) {
    const MutableByteView part = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(kReadBytes, waiting.size_bytes - at)));
    TRY(device.read(at, part));
    hash.update(part);
    at += part.size();
  }
  return hash.finish() == waiting.sha256;
}

}  // namespace

Result<Target> open_inactive(std::unique_ptr<Pair> pair) {
  const unsigned place = 1 - TRY(pair->active());
  auto target = TRY(pair->open(place));
  return std::make_unique<InactivePlace>(std::move(pair), std::move(target));
}

Result<> switch_pair(Pair& pair, const Waiting& waiting) {
  const unsigned active = TRY(pair.active());
  if (TRY(holds(pair, active, waiting))) return {};
  if (TRY(holds(pair, 1 - active, waiting))) return pair.activate(1 - active);
  return fail(kSwitchContent, "the place to switch to no longer holds what was installed; install the bundle again");
}

}  // namespace aloft::storage
