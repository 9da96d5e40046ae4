// For tests: what outlives a power cut on a device without a disk. Kernels lie on NAND with bad blocks, roots in UBI volumes, and a boot
// loader and its firmware in two volumes that exist once and must be of one release.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/test_outcomes.hpp"
#include "agent/test_releases.hpp"
#include "storage/flash_content.hpp"
#include "storage/sim_flash.hpp"
#include "storage/sim_ubi.hpp"
#include "storage/ubi_pair.hpp"

namespace aloft::agent::test {

inline const std::vector<std::string> kSharedClasses = {"loader", "firmware"};

// Copies are independent.
class FlashHardware {
 public:
  static constexpr std::uint64_t kBlockBytes = 16U << 10;
  static constexpr Flash::Geometry kKernelChip{
      .size_bytes = 8 * kBlockBytes, .block_bytes = kBlockBytes, .page_bytes = 4096, .is_nand = true};
  static constexpr std::uint64_t kUbiBlockBytes = 16U << 10;
  static constexpr std::uint64_t kUbiBlocks = 48;

  // `power` must outlive it. The chip of the last group has blocks that fail: one when it is erased, one when it is written.
  FlashHardware(storage::Power& power, const std::vector<std::string>& groups) : ubi(power, kUbiBlockBytes, kUbiBlocks) {
    for (const std::string& group : groups) {
      kernels.emplace(group, storage::SimFlash(power, kKernelChip)).first->second.set_bad(0);
      ubi.add(volume(group), kRootfsBytes, UbiKind::dynamic, {});
    }
    kernels.rbegin()->second.wear_out_erase(kBlockBytes);
    kernels.rbegin()->second.wear_out_program(3 * kBlockBytes);
    for (const std::string& shared : kSharedClasses) ubi.add(shared, kSharedBytes, UbiKind::fixed, releases().at("1").shared.at(shared));
  }
  static std::string volume(const std::string& group) { return "rootfs-" + group; }

  // As the factory does, not counted. Once for each group.
  void put(const std::string& group, const Release& release) {
    std::uint64_t block = kBlockBytes;
    for (std::size_t at = 0; at < release.boot.size(); at += kBlockBytes, block += kBlockBytes) {
      Bytes part(release.boot.begin() + static_cast<std::ptrdiff_t>(at),
                 release.boot.begin() + static_cast<std::ptrdiff_t>(std::min(at + kBlockBytes, release.boot.size())));
      part.resize(kBlockBytes, std::byte{0xff});
      kernels.at(group).fill(block, part);
    }
    ubi.put(volume(group), release.rootfs);
  }

  // The complete release that a group holds, as a boot loader would read it.
  const Release* held(const std::string& group) {
    Bytes kernel(kBootBytes);
    const auto content = storage::FlashContent::open(kernels.at(group));
    if (!content || !content->read(0, kernel)) return nullptr;
    const Bytes root = of_volume(volume(group), kRootfsBytes);
    return find([&](const Release& release) { return release.boot == kernel && release.rootfs == root; });
  }
  // That of both shared volumes.
  const Release* held_shared() {
    return find([&](const Release& release) {
      return std::ranges::all_of(release.shared, [&](const auto& one) { return of_volume(one.first, one.second.size()) == one.second; });
    });
  }

  void add_to(Fingerprint& fingerprint) {
    for (const SimMedium* medium : media()) medium->add_to(fingerprint);
  }
  std::vector<SimMedium*> media() {
    std::vector<SimMedium*> all = {&ubi};
    for (auto& [group, kernel] : kernels) all.push_back(&kernel);
    return all;
  }

  std::map<std::string, storage::SimFlash> kernels;
  storage::SimUbi ubi;

 private:
  static const Release* find(const std::function<bool(const Release&)>& is_it) {
    for (const auto& [version, release] : releases().all()) {
      if (!release.recovery && is_it(release)) return &release;
    }
    return nullptr;
  }
  // Nothing where it cannot be read.
  Bytes of_volume(const std::string& name, std::size_t size) {
    const auto found = storage::ubi_volume(ubi, name);
    if (!found) return {};
    Bytes content(size);
    const auto count = ubi.read(found->id, 0, content);
    content.resize(count.value_or(0));
    return content;
  }
};

}  // namespace aloft::agent::test
