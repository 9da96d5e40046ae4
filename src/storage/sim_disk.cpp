#include "storage/sim_disk.hpp"

#include <algorithm>
#include <cstring>
#include <random>

#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

constexpr std::size_t kAllSubsets = 4;
constexpr std::size_t kDrawn = 2;
constexpr std::size_t kThoroughSubsets = 8;
constexpr std::size_t kThoroughDrawn = 8;

// Where a write of so many sectors is torn: before its first, after it, in the middle, before its last.
std::vector<std::size_t> tears(std::size_t sectors) {
  std::vector<std::size_t> at;
  for (const std::size_t tear : {std::size_t{1}, sectors / 2, sectors - 1}) {
    if (tear > 0 && tear < sectors && (at.empty() || tear > at.back())) at.push_back(tear);
  }
  return at;
}

}  // namespace

SimDisk::SimDisk(Power& power, std::uint64_t size_bytes)
    : power_(&power), size_bytes_(size_bytes), durable_((size_bytes + kPageBytes - 1) / kPageBytes), current_(durable_) {}

SimDisk::Pages::Pages(std::size_t count) {
  auto zeros = std::make_shared<Page>();
  zeros->hash = XXH3_64bits(zeros->bytes.data(), kPageBytes);
  pages_ = std::make_shared<List>(count, std::move(zeros));
}

void SimDisk::Pages::put(std::uint64_t offset, ByteView bytes) {
  if (!bytes.empty() && pages_.use_count() > 1) pages_ = std::make_shared<List>(*pages_);
  while (!bytes.empty()) {
    const std::size_t start = offset % kPageBytes;
    const std::size_t size = std::min(kPageBytes - start, bytes.size());
    auto& place = (*pages_)[offset / kPageBytes];
    auto page = std::make_shared<Page>(*place);
    std::copy_n(bytes.begin(), size, page->bytes.begin() + static_cast<std::ptrdiff_t>(start));
    page->hash = XXH3_64bits(page->bytes.data(), kPageBytes);
    place = std::move(page);
    offset += size;
    bytes = bytes.subspan(size);
  }
}

Result<> SimDisk::read(std::uint64_t offset, MutableByteView buffer) {
  const std::lock_guard lock(lock_.mutex);
  if (outside(offset, buffer.size())) return fail(kOutsideDevice, "a read past the end of the simulated disk");
  while (!buffer.empty()) {
    const std::size_t start = offset % kPageBytes;
    const std::size_t size = std::min(kPageBytes - start, buffer.size());
    std::copy_n(current_[offset / kPageBytes]->bytes.begin() + static_cast<std::ptrdiff_t>(start), size, buffer.begin());
    offset += size;
    buffer = buffer.subspan(size);
  }
  return {};
}

Result<> SimDisk::write(std::uint64_t offset, ByteView bytes) {
  if (outside(offset, bytes.size())) return fail(kOutsideDevice, "a write past the end of the simulated disk");
  if (bytes.empty()) return {};
  const std::lock_guard lock(lock_.mutex);
  const std::size_t sectors = (offset + bytes.size() - 1) / kSectorBytes - offset / kSectorBytes + 1;
  pending_.push_back({offset, std::make_shared<const Bytes>(bytes.begin(), bytes.end()), sectors});
  if (power_->goes_now()) throw PowerLost();
  current_.put(offset, bytes);
  return {};
}

Result<> SimDisk::flush() {
  const std::lock_guard lock(lock_.mutex);
  if (power_->goes_now()) throw PowerLost();
  durable_ = current_;
  pending_.clear();
  return {};
}

std::size_t SimDisk::pending_sectors() const {
  std::size_t sectors = 0;
  for (const Pending& write : pending_) sectors += write.sectors;
  return sectors;
}

std::size_t SimDisk::outcomes(Effort effort) const {
  const std::size_t sectors = pending_sectors();
  const std::size_t writes = pending_.size();
  const bool thorough = effort == Effort::thorough;
  if (sectors <= (thorough ? kThoroughSubsets : kAllSubsets)) return std::size_t{1} << sectors;
  std::size_t count = writes + 1 + tears(pending_.back().sectors).size() + 2 * writes + (thorough ? kThoroughDrawn : kDrawn);
  if (thorough && writes <= kThoroughSubsets) count += std::size_t{1} << writes;
  return count;
}

SimDisk::Kept SimDisk::kept_writes(const std::function<bool(std::size_t)>& is_kept) const {
  Kept kept;
  for (std::size_t i = 0; i < pending_.size(); ++i) kept.insert(kept.end(), pending_[i].sectors, is_kept(i));
  return kept;
}

SimDisk::Kept SimDisk::kept(std::size_t outcome, Effort effort, std::uint64_t seed) const {
  const bool thorough = effort == Effort::thorough;
  const std::size_t sectors = pending_sectors();
  const std::size_t writes = pending_.size();
  if (sectors <= (thorough ? kThoroughSubsets : kAllSubsets)) {
    Kept kept(sectors);
    for (std::size_t i = 0; i < sectors; ++i) kept[i] = (outcome >> i & 1) != 0;
    return kept;
  }
  if (outcome <= writes) return kept_writes([&](std::size_t i) { return i < outcome; });
  outcome -= writes + 1;
  const std::vector<std::size_t> torn = tears(pending_.back().sectors);
  if (outcome < torn.size()) {
    Kept kept(sectors, true);
    std::fill(kept.end() - static_cast<std::ptrdiff_t>(pending_.back().sectors - torn[outcome]), kept.end(), false);
    return kept;
  }
  outcome -= torn.size();
  if (outcome < writes) return kept_writes([&](std::size_t i) { return i != outcome; });
  outcome -= writes;
  if (outcome < writes) return kept_writes([&](std::size_t i) { return i == outcome; });
  outcome -= writes;
  const std::size_t drawn = thorough ? kThoroughDrawn : kDrawn;
  if (outcome >= drawn) return kept_writes([&](std::size_t i) { return ((outcome - drawn) >> i & 1) != 0; });
  std::mt19937_64 random(seed * 131 + outcome);
  Kept kept(sectors);
  for (std::size_t i = 0; i < sectors; ++i) kept[i] = (random() & 1) != 0;
  return kept;
}

void SimDisk::settle(std::size_t outcome, Effort effort, std::uint64_t seed) { settle(kept(outcome, effort, seed)); }

void SimDisk::settle(const Kept& kept) {
  auto is_kept = kept.begin();
  for (const Pending& write : pending_) {
    const ByteView bytes(*write.bytes);
    std::size_t run = 0;  // where the run of kept sectors that is under way began
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = std::min<std::size_t>(kSectorBytes - (write.offset + at) % kSectorBytes, bytes.size() - at);
      if (!*is_kept++) {
        durable_.put(write.offset + run, bytes.subspan(run, at - run));
        run = at + size;
      }
      at += size;
    }
    durable_.put(write.offset + run, bytes.subspan(run));
  }
  pending_.clear();
  current_ = durable_;
}

void SimDisk::add_to(Fingerprint& fingerprint) const {
  for (std::size_t i = 0; i < durable_.size(); ++i) fingerprint.add(durable_[i]->hash);
}

Bytes SimDisk::durable() const {
  Bytes bytes(durable_.size() * kPageBytes);
  for (std::size_t i = 0; i < durable_.size(); ++i) {
    std::ranges::copy(durable_[i]->bytes, bytes.begin() + static_cast<std::ptrdiff_t>(i * kPageBytes));
  }
  bytes.resize(size_bytes_);
  return bytes;
}

bool SimDisk::holds_same(const SimDisk& other) const {
  if (current_.size() != other.current_.size()) return false;
  for (std::size_t i = 0; i < current_.size(); ++i) {
    const auto& a = current_[i];
    const auto& b = other.current_[i];
    if (a != b && (a->hash != b->hash || std::memcmp(a->bytes.data(), b->bytes.data(), kPageBytes) != 0)) return false;
  }
  return true;
}

void SimDisk::fill(std::uint64_t offset, ByteView bytes) {
  durable_.put(offset, bytes);
  current_.put(offset, bytes);
}

}  // namespace aloft::storage
