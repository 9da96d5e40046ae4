// Raw flash in memory whose power can be cut: half-erased blocks, torn pages, blocks that go bad. For tests and simulations.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "base/flash.hpp"
#include "storage/sim_medium.hpp"

namespace aloft::storage {

// Holds the program to what a chip demands, and aborts it otherwise: whole blocks and pages, no page written twice between two erasures nor
// before the one in front of it, nothing done to a bad block. Every erase, write and bad-block mark is a point at which the power can go.
class SimFlash final : public Flash, public SimMedium {
 public:
  // `power` must outlive the flash and its copies.
  SimFlash(Power& power, const Geometry& geometry);

  const Geometry& geometry() const override { return geometry_; }
  Result<bool> is_bad(std::uint64_t block) override { return bad_.contains(block); }
  Result<> mark_bad(std::uint64_t block) override;
  Result<Ecc> read(std::uint64_t offset, MutableByteView buffer) override;
  Result<Done> erase(std::uint64_t block) override;
  Result<Done> program(std::uint64_t offset, ByteView bytes) override;

  // A write that is cut: so many pages whole, the next one untouched, torn, or so weakly written that it may only be erased. An erasure:
  // not begun, done, nothing readable, all weak, or half of it weak and half as before.
  std::size_t outcomes(Effort effort) const override;
  void settle(std::size_t outcome, Effort effort, std::uint64_t seed) override;
  void settle_kept() override { settle(outcomes(Effort::quick) - 1, Effort::quick, 0); }
  void add_to(Fingerprint& fingerprint) const override;

  // From the factory, or before the story.
  void set_bad(std::uint64_t block) { bad_.insert(block); }
  bool is_erased(std::uint64_t page) const { return pages_.at(static_cast<std::size_t>(page / unit())).state == State::erased; }
  const std::set<std::uint64_t>& bad_blocks() const { return bad_; }
  // From now on the chip says that it failed to erase, or to write, this block.
  void wear_out_erase(std::uint64_t block) { worn_erase_.insert(block); }
  void wear_out_program(std::uint64_t block) { worn_program_.insert(block); }
  // What every reading of the page says, once it has been written.
  void set_ecc(std::uint64_t page, Ecc ecc) { ecc_[page] = ecc; }
  // Counted neither as an operation nor against the rules: what was there before the story.
  void fill(std::uint64_t offset, ByteView bytes);

 private:
  enum class State : std::uint8_t { erased, weak, written, torn };
  struct Page {
    State state = State::erased;
    Bytes bytes;
  };
  struct Pending {
    enum class Kind : std::uint8_t { nothing, mark, erase, program } kind = Kind::nothing;
    std::uint64_t offset = 0;
    Bytes bytes;
  };
  std::uint64_t unit() const;
  std::size_t pages_of_block() const { return static_cast<std::size_t>(geometry_.block_bytes / unit()); }
  Page& page_at(std::uint64_t offset) { return pages_.at(static_cast<std::size_t>(offset / unit())); }
  void require_block(std::uint64_t block) const;
  void begin(Pending pending);
  void set(std::uint64_t offset, State state, ByteView bytes = {});
  void write(std::uint64_t offset, ByteView bytes);
  void settle_program(std::size_t outcome);
  void settle_erase(std::size_t outcome);

  Power* power_;
  Geometry geometry_;
  std::vector<Page> pages_;
  std::set<std::uint64_t> bad_;
  std::set<std::uint64_t> worn_erase_;
  std::set<std::uint64_t> worn_program_;
  std::map<std::uint64_t, Ecc> ecc_;
  Pending pending_;
};

}  // namespace aloft::storage
