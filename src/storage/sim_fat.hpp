// SimVolume as FAT does it (Microsoft, "FAT32 File System Specification"): a directory entry with size and first cluster, a table of
// clusters, and the data, in sectors of their own that reach the disk in any order until a sync.
#pragma once

#include "storage/sim_disk.hpp"
#include "storage/sim_volume.hpp"

namespace aloft::storage {

// Up to kFiles files of together kClusters clusters. The write-out of each change is modelled as early as the kernel may do it (at once),
// so every state between two changes is reachable.
class SimFat final : public SimVolume {
 public:
  static constexpr std::size_t kFiles = 6;
  static constexpr std::size_t kClusters = 60;
  static constexpr std::size_t kClusterBytes = 1024;

  explicit SimFat(Power& power);
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
  std::vector<std::string> names() const;  // sorted

  std::size_t outcomes(Effort effort) const override { return disk_.outcomes(effort); }
  void settle(std::size_t outcome, Effort effort, std::uint64_t seed) override { disk_.settle(outcome, effort, seed); }
  void settle_kept() override { disk_.settle_kept(); }
  void add_to(Fingerprint& fingerprint) const override { disk_.add_to(fingerprint); }

 private:
  struct Entry {
    std::string name;
    std::uint32_t first = 0;  // cluster + 1; 0: none
    std::uint32_t size_bytes = 0;
  };
  Entry entry(std::size_t index) const;
  std::optional<std::size_t> find(std::string_view name) const;
  std::size_t must_find(std::string_view name) const;
  std::vector<std::size_t> chain(const Entry& entry) const;
  Bytes table() const;
  void write_entry(std::size_t index, const Entry& entry);
  void write_table(const Bytes& table);
  void write_data(const std::vector<std::size_t>& clusters, std::size_t offset, std::string_view bytes);
  void free_clusters(const Entry& entry);

  mutable SimDisk disk_;
};

}  // namespace aloft::storage
