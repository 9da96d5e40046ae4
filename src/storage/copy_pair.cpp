#include "storage/copy_pair.hpp"

#include <algorithm>
#include <mutex>

#include "base/log.hpp"
#include "base/zeros.hpp"
#include "storage/errors.hpp"
#include "storage/range_device.hpp"

namespace aloft::storage {
namespace {

constexpr std::size_t kCopyBytes = 256 << 10;

// Keeps the header back, and is safe to use from several threads while it is being written. What is read of it is what will be written.
class HeaderLast final : public BlockDevice {
 public:
  HeaderLast(BlockDevice& whole, std::uint64_t offset, std::uint64_t size, std::uint64_t header_bytes)
      : area_(whole, offset, size), header_bytes_(header_bytes) {}
  std::uint64_t size_bytes() const override { return area_.size_bytes(); }

  Result<> read(std::uint64_t offset, MutableByteView buffer) override {
    TRY(area_.read(offset, buffer));
    const std::lock_guard lock(mutex_);
    if (held_.empty() || offset >= header_bytes_) return {};
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(header_bytes_ - offset, buffer.size()));
    std::copy_n(held_.begin() + static_cast<std::ptrdiff_t>(offset), count, buffer.begin());
    return {};
  }

  Result<> write(std::uint64_t offset, ByteView bytes) override {
    const std::unique_lock lock(mutex_);
    TRY(begin());
    if (offset < header_bytes_) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(header_bytes_ - offset, bytes.size()));
      std::copy_n(bytes.begin(), count, held_.begin() + static_cast<std::ptrdiff_t>(offset));
      offset += count;
      bytes = bytes.subspan(count);
    }
    return bytes.empty() ? Result<>() : area_.write(offset, bytes);
  }

  Result<> flush() override { return area_.flush(); }

  // The rest has been flushed and read back.
  Result<> complete() {
    if (held_.empty()) return {};
    if (is_zero(held_))
      return fail(kNoHeader, "the image begins with zeros where the machine's ROM looks for a header; check header in the slot");
    TRY(area_.flush());
    TRY(area_.write(0, held_));
    TRY(area_.flush());
    Bytes back(held_.size());
    TRY(area_.read(0, back));
    if (back != held_)
      return fail(kReadBack, "the boot loader's header reads back differently than it was written; the device may be failing");
    held_.clear();
    return {};
  }

 private:
  // Before the first byte changes: from now on the ROM passes this copy over.
  Result<> begin() {
    if (!held_.empty()) return {};
    Bytes header(static_cast<std::size_t>(header_bytes_));
    TRY(area_.read(0, header));
    TRY(area_.write(0, Bytes(header.size())));
    TRY(area_.flush());
    held_ = std::move(header);
    return {};
  }

  RangeDevice area_;
  const std::uint64_t header_bytes_;
  std::mutex mutex_;  // several workers write at once
  Bytes held_;
};

class CopyTarget final : public DeviceTarget {
 public:
  // `same` is what `area` points to.
  CopyTarget(std::unique_ptr<BlockDevice> area, HeaderLast& same) : DeviceTarget(std::move(area)), area_(same) {}
  Result<> finish(const bundle::Image&) override { return area_.complete(); }

 private:
  HeaderLast& area_;
};

}  // namespace

Result<bool> CopyPair::has_header(unsigned place) {
  Bytes header(static_cast<std::size_t>(places_.header_bytes));
  TRY(device_->read(places_.offsets_bytes.at(place), header));
  return !is_zero(header);
}

Result<unsigned> CopyPair::active() {
  if (!TRY(has_header(0)) && TRY(has_header(1))) {
    log::warning("slot: the first copy of the boot loader is not complete; restoring it from the second");
    TRY(copy(1, 0));
  }
  return 0;
}

Result<std::unique_ptr<DeviceTarget>> CopyPair::open(unsigned place) {
  auto area = std::make_unique<HeaderLast>(*device_, places_.offsets_bytes.at(place), places_.size_bytes, places_.header_bytes);
  HeaderLast& same = *area;
  return std::make_unique<CopyTarget>(std::move(area), same);
}

Result<> CopyPair::activate(unsigned place) { return copy(place, 1 - place); }

Result<> CopyPair::copy(unsigned from, unsigned to) {
  RangeDevice source(*device_, places_.offsets_bytes.at(from), places_.size_bytes);
  HeaderLast target(*device_, places_.offsets_bytes.at(to), places_.size_bytes, places_.header_bytes);
  Bytes wanted(kCopyBytes);
  Bytes present(kCopyBytes);
  for (std::uint64_t at = 0; at < places_.size_bytes; at += kCopyBytes) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(kCopyBytes, places_.size_bytes - at));
    TRY(source.read(at, MutableByteView(wanted).first(count)));
    TRY(target.write(at, ByteView(wanted).first(count)));
  }
  TRY(target.flush());
  for (std::uint64_t at = 0; at < places_.size_bytes; at += kCopyBytes) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(kCopyBytes, places_.size_bytes - at));
    TRY(source.read(at, MutableByteView(wanted).first(count)));
    TRY(target.read(at, MutableByteView(present).first(count)));
    if (!std::equal(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(count), present.begin()))
      return fail(kReadBack, "a copy of the boot loader reads back differently than it was written; the device may be failing");
  }
  return target.complete();
}

}  // namespace aloft::storage
