// SimVolume as a journaling file system does it, ext4 with data=ordered at its least kind: changes of metadata reach the journal in order,
// and a commit may come between any two of them; bytes that a file has grown by come with a later commit, whole or in part, or as zeros,
// unless the file was synced; bytes written over others go straight to their sectors whenever they like. ext4's auto_da_alloc, which
// hurries data on behind a rename, is left out on purpose: other file systems have no such thing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "storage/sim_volume.hpp"

namespace aloft::storage {

class SimExt4 final : public SimVolume {
 public:
  explicit SimExt4(Power& power) : power_(&power) {}
  std::optional<std::string> read(std::string_view name) const override;
  void create(std::string_view name) override;
  void truncate(std::string_view name) override;
  void append(std::string_view name, std::string_view bytes) override;
  void overwrite(std::string_view name, std::size_t offset, std::string_view bytes) override;
  void move(std::string_view from, std::string_view to) override;
  void remove(std::string_view name) override;
  void sync(std::string_view name) override;
  void sync_folder() override;
  void fill(std::string_view name, std::string_view content) override;

  // Each prefix of the metadata changes, with each combination of what became of the data; with all data faring alike where those are
  // more than 64.
  std::size_t outcomes(Effort effort) const override;
  void settle(std::size_t outcome, Effort effort, std::uint64_t seed) override;
  void settle_kept() override;
  void add_to(Fingerprint& fingerprint) const override;

 private:
  using Inode = std::uint64_t;
  struct Tree {
    std::map<std::string, Inode, std::less<>> names;
    std::map<Inode, std::shared_ptr<const std::string>> contents;
  };
  enum class Kind : std::uint8_t { link, unlink, move, truncate, grow, overwrite };
  struct Change {
    Kind kind;
    Inode inode;
    std::string name;
    std::string to;  // of a move
    std::string bytes;
    std::size_t offset = 0;  // of an overwrite
  };
  static bool is_metadata(const Change& change) { return change.kind < Kind::grow; }
  static void apply(Tree& tree, const Change& change);
  static void apply_data(Tree& tree, const Change& change, std::size_t fate);
  static std::size_t fates(const Change& change);
  Inode inode_of(std::string_view name) const;
  void change(Change change);
  void commit(std::optional<Inode> synced);
  std::size_t metadata_changes() const;
  std::size_t combinations() const;  // capped

  Power* power_;
  Tree durable_;
  Tree current_;
  std::vector<Change> pending_;
  Inode next_inode_ = 1;
};

}  // namespace aloft::storage
