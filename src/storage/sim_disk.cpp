#include "storage/sim_disk.hpp"

#include <algorithm>

#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

bool outside(const Bytes& disk, std::uint64_t offset, std::uint64_t size) { return offset > disk.size() || size > disk.size() - offset; }

void put(Bytes& disk, std::uint64_t offset, ByteView bytes) {
  std::ranges::copy(bytes, disk.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

Result<> SimDisk::read(std::uint64_t offset, MutableByteView buffer) {
  if (outside(current_, offset, buffer.size())) return fail(kOutsideDevice, "a read past the end of the simulated disk");
  std::copy_n(current_.begin() + static_cast<std::ptrdiff_t>(offset), buffer.size(), buffer.begin());
  return {};
}

Result<> SimDisk::write(std::uint64_t offset, ByteView bytes) {
  if (outside(current_, offset, bytes.size())) return fail(kOutsideDevice, "a write past the end of the simulated disk");
  pending_.push_back({offset, Bytes(bytes.begin(), bytes.end())});
  if (power_->goes_now()) throw PowerLost();
  put(current_, offset, bytes);
  return {};
}

Result<> SimDisk::flush() {
  if (power_->goes_now()) throw PowerLost();
  for (const Pending& write : pending_) put(durable_, write.offset, write.bytes);
  pending_.clear();
  return {};
}

void SimDisk::settle_after_cut(Unflushed fate, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const Pending& write : pending_) {
    for (std::uint64_t at = 0; at < write.bytes.size();) {
      const std::uint64_t place = write.offset + at;
      const std::uint64_t size = std::min<std::uint64_t>(kSectorBytes - place % kSectorBytes, write.bytes.size() - at);
      const bool kept = fate == Unflushed::kept || (fate == Unflushed::random && (random() & 1) != 0);
      if (kept) put(durable_, place, ByteView(write.bytes).subspan(at, size));
      at += size;
    }
  }
  pending_.clear();
  current_ = durable_;
}

void SimDisk::fill(std::uint64_t offset, ByteView bytes) {
  put(durable_, offset, bytes);
  put(current_, offset, bytes);
}

}  // namespace aloft::storage
