// A UBI device in memory whose power can be cut. For tests and simulations.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/ubi.hpp"
#include "storage/sim_medium.hpp"

namespace aloft::storage {

// As the kernel promises it (drivers/mtd/ubi: vtbl.c, upd.c): a volume is made, removed or renamed whole or not at all, several renames
// together; an update sets a mark before it touches the content and takes it away after the last byte, and what has the mark cannot be
// read. Every one of these, and every piece of an update, is a point at which the power can go.
class SimUbi final : public Ubi, public SimMedium {
 public:
  // `power` must outlive the device and its copies. So many logical erase blocks for all volumes.
  SimUbi(Power& power, std::uint64_t block_bytes, std::uint64_t blocks);

  Result<std::vector<UbiVolume>> volumes() override;
  Result<> make(const std::string& name, std::uint64_t bytes, UbiKind kind) override;
  Result<> remove(int id) override;
  Result<> rename_volumes(std::span<const UbiRename> volumes) override;
  Result<std::unique_ptr<UbiUpdate>> update(int id, std::uint64_t bytes) override;
  Result<std::size_t> read(int id, std::uint64_t offset, MutableByteView buffer) override;

  std::size_t outcomes(Effort effort) const override;
  void settle(std::size_t outcome, Effort effort, std::uint64_t seed) override;
  void settle_kept() override { settle(outcomes(Effort::quick) - 1, Effort::quick, 0); }
  void add_to(Fingerprint& fingerprint) const override;

  // What was there before the story, durably; not counted.
  void add(const std::string& name, std::uint64_t bytes, UbiKind kind, ByteView content);
  // Likewise: other content for a volume that is there.
  void put(const std::string& name, ByteView content);
  void set_in_use(const std::string& name) { in_use_.insert(name); }
  // Of all it has done; two swapped names are one.
  unsigned renames() const { return renames_; }
  // Flips a bit of a volume's content; a static volume's checksum finds it.
  void damage(const std::string& name, std::size_t offset);

 private:
  struct Volume {
    UbiVolume info;
    Bytes content;
    std::uint64_t announced_bytes = 0;  // of the update under way
    bool updating = false;
  };
  class Update;
  using Volumes = std::vector<Volume>;
  // The power goes, and then all is as it was, or as it would have been; or the change takes place.
  void change(Volumes after);
  Result<Volume*> find(int id);
  Result<> append(int id, ByteView bytes);
  Power* power_;
  std::uint64_t block_bytes_;
  std::uint64_t blocks_;
  Volumes volumes_;
  Volumes pending_;
  bool is_pending_ = false;
  std::set<std::string> in_use_;
  unsigned renames_ = 0;
};

}  // namespace aloft::storage
