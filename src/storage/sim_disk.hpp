// A disk in memory whose power can be cut: unflushed writes are lost, torn at sectors and reordered. For tests and simulations.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "storage/block_device.hpp"
#include "storage/sim_medium.hpp"

namespace aloft::storage {

// Copies share their content until one of them is written, so that a state can be kept at every operation: a copy costs nothing. read(),
// write() and flush() are safe from several threads; the power is cut with one only.
class SimDisk final : public BlockDevice, public SimMedium {
 public:
  static constexpr std::size_t kSectorBytes = 512;
  // Which of the sectors that were written and not flushed are on the medium, in the order of writing.
  using Kept = std::vector<bool>;

  // `power` must outlive the disk and its copies.
  SimDisk(Power& power, std::uint64_t size_bytes);

  std::uint64_t size_bytes() const override { return size_bytes_; }
  Result<> read(std::uint64_t offset, MutableByteView buffer) override;
  Result<> write(std::uint64_t offset, ByteView bytes) override;
  Result<> flush() override;

  // Up to kAllSubsets pending sectors: each subset of them. More: each prefix of the writes, the last write torn, each write alone lost,
  // each alone kept, and kDrawn subsets of sectors drawn from the seed. Thorough: also each subset of up to kAllSubsets whole writes.
  std::size_t outcomes(Effort effort) const override;
  void settle(std::size_t outcome, Effort effort, std::uint64_t seed) override;
  void settle(const Kept& kept);
  void settle_kept() override { settle(Kept(pending_sectors(), true)); }
  void add_to(Fingerprint& fingerprint) const override;

  std::size_t pending_sectors() const;
  // What is on the medium for certain.
  Bytes durable() const;
  // As a reader sees it.
  bool holds_same(const SimDisk& other) const;
  // Sets the content without counting, durably.
  void fill(std::uint64_t offset, ByteView bytes);

 private:
  static constexpr std::size_t kPageBytes = 4096;
  struct Page {
    std::array<std::byte, kPageBytes> bytes{};
    std::uint64_t hash = 0;
  };
  // All of a disk; copies are one until one of them is changed.
  class Pages {
   public:
    explicit Pages(std::size_t count);  // of zeros
    std::size_t size() const { return pages_->size(); }
    const std::shared_ptr<const Page>& operator[](std::size_t index) const { return (*pages_)[index]; }
    void put(std::uint64_t offset, ByteView bytes);

   private:
    using List = std::vector<std::shared_ptr<const Page>>;
    std::shared_ptr<List> pages_;
  };
  struct Pending {
    std::uint64_t offset;
    std::shared_ptr<const Bytes> bytes;
    std::size_t sectors;
  };
  struct Lock {  // each copy has its own
    Lock() = default;
    Lock(const Lock&) {}
    Lock& operator=(const Lock&) { return *this; }
    std::mutex mutex;
  };
  Kept kept(std::size_t outcome, Effort effort, std::uint64_t seed) const;
  Kept kept_writes(const std::function<bool(std::size_t)>& is_kept) const;
  bool outside(std::uint64_t offset, std::uint64_t size) const { return offset > size_bytes_ || size > size_bytes_ - offset; }

  Power* power_;
  std::uint64_t size_bytes_;
  Pages durable_;
  Pages current_;
  std::vector<Pending> pending_;
  Lock lock_;
};

}  // namespace aloft::storage
