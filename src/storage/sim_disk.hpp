// A disk in memory whose power can be cut: unflushed writes are lost, torn at sectors and reordered. For tests and simulations.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "storage/block_device.hpp"

namespace aloft::storage {

// What becomes of writes that were not flushed when the power goes.
enum class Unflushed : std::uint8_t { lost, kept, random };

// Thrown out of the operation in which the power goes: nothing of the program runs on.
struct PowerLost {};

// The mains of one machine: counts the operations of everything that is plugged in, and goes off at one of them.
class Power {
 public:
  // At the operation with this number, counted from 1; 0: never.
  void cut_at(std::uint64_t operation) { cut_at_ = operation == 0 ? 0 : count_ + operation; }
  // Says that a durable thing is about to be done. True: the power goes in the middle of it, and `PowerLost` must be thrown.
  bool goes_now() { return ++count_ == cut_at_; }
  std::uint64_t operations() const { return count_; }

 private:
  std::uint64_t count_ = 0;
  std::uint64_t cut_at_ = 0;
};

class SimDisk final : public BlockDevice {
 public:
  static constexpr std::size_t kSectorBytes = 512;

  // `power` must outlive the disk.
  SimDisk(Power& power, std::uint64_t size_bytes) : power_(&power), durable_(size_bytes), current_(size_bytes) {}

  std::uint64_t size_bytes() const override { return current_.size(); }
  Result<> read(std::uint64_t offset, MutableByteView buffer) override;
  Result<> write(std::uint64_t offset, ByteView bytes) override;
  Result<> flush() override;

  // After PowerLost: what the disk holds when the power is back.
  void settle_after_cut(Unflushed fate, std::uint64_t seed);
  // What is on the medium for certain.
  ByteView durable() const { return durable_; }
  // Sets the content without counting, durably.
  void fill(std::uint64_t offset, ByteView bytes);

 private:
  struct Pending {
    std::uint64_t offset;
    Bytes bytes;
  };
  Power* power_;
  Bytes durable_;
  Bytes current_;
  std::vector<Pending> pending_;
};

}  // namespace aloft::storage
