// For tests: what of a device outlives a power cut (slots, state partition, boot state), in memory, with the semantics of the real things.
#pragma once

#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/test_flash_hardware.hpp"
#include "agent/test_outcomes.hpp"
#include "agent/test_releases.hpp"
#include "base/errors.hpp"
#include "boot/flash.hpp"
#include "boot/test_loaders.hpp"
#include "storage/sim_disk.hpp"
#include "storage/sim_ext4.hpp"
#include "storage/sim_fat.hpp"
#include "storage/test_flash.hpp"
#include "update/floor.hpp"

namespace aloft::agent::test {

using crypto::test::must;
using storage::Power;
using storage::SimDisk;

// Mistakes that the search for power cuts must find: each stands for one that the product could make.
enum class Fault : std::uint8_t {
  none,
  slots_not_flushed,       // the installer does not flush
  boot_state_not_flushed,  // boot control does not flush
  state_not_synced,        // journal and floor are written without fsync
  target_not_parked,       // the target stays in the boot order while it is written
  armed_too_early,         // the switch is made before the slot is written
  not_read_back,           // a write is lost in the disk, and reading back is answered by a cache
  truncating_write,        // a boot state in a file is truncated and written anew
  renaming_write,          // ... or written beside it and renamed
  boots_uncounted,         // the boot loader does not count
  write_lost,              // no mistake of ours: the disk loses a write, which reading back must notice
  commits_unproven,        // the new system is committed before it has shown that it is healthy
  shared_switched_early,   // a slot that exists once is switched when it is written, not when the system is committed
};

inline void succeed(const Result<>& result) {
  if (!result) std::abort();
}

// The state partition: the system calls of update::StateFolder on a journaling file system.
class SimStateFiles final : public update::StateFiles {
 public:
  explicit SimStateFiles(storage::SimVolume& volume, Fault fault = Fault::none)
      : volume_(volume), synced_(fault != Fault::state_not_synced) {}
  Result<std::optional<std::string>> read(std::string_view name) override { return volume_.read(name); }
  Result<> replace(std::string_view name, std::string_view content) override {
    if (full || (!full_for.empty() && name.starts_with(full_for))) return fail(kNoSpace, "no space left on the state partition");
    const std::string fresh = std::string(name) + ".new";
    if (volume_.read(fresh)) volume_.remove(fresh);
    volume_.create(fresh);
    volume_.append(fresh, content);
    if (synced_) volume_.sync(fresh);
    volume_.move(fresh, name);
    if (synced_) volume_.sync_folder();
    return {};
  }
  Result<> append(std::string_view name, std::string_view content) override {
    if (full) return fail(kNoSpace, "no space left on the state partition");
    if (!volume_.read(name)) volume_.create(name);
    volume_.append(name, content);
    if (synced_) volume_.sync(name);
    if (synced_) volume_.sync_folder();
    if (while_appending) std::exchange(while_appending, nullptr)();
    return {};
  }
  Result<> set_aside(std::string_view name) override {
    volume_.move(name, std::string(name) + ".bad");
    if (synced_) volume_.sync_folder();
    return {};
  }
  std::function<void()> while_appending;  // once
  bool full = false;
  std::string full_for;  // files whose names begin so cannot be replaced

 private:
  storage::SimVolume& volume_;
  bool synced_;
};

// What boot loaders keep their state in: GRUB's block is a file on FAT, what others use is raw sectors.
class SimBootStorage final : public boot::test::TestStorage {
 public:
  explicit SimBootStorage(Power& power) : power_(&power), esp_(power) {}
  void set_fault(Fault fault) { fault_ = fault; }
  // What would be raw sectors is NAND: a chip for each region, of which the first block is bad.
  void use_flash() { on_flash_ = true; }
  std::unique_ptr<boot::Region> region(const std::string& name, std::size_t size_bytes) override {
    if (is_file(name)) {
      if (!esp_.read(name)) esp_.fill(name, std::string(size_bytes, '\0'));
      return std::make_unique<File>(*this, name);
    }
    if (on_flash_) {
      if (!chips_.contains(name)) {
        storage::SimFlash& fresh = chips_.emplace(name, storage::SimFlash(*power_, kChip)).first->second;
        fresh.set_bad(0);
        fresh.fill(kChip.block_bytes, Bytes(size_bytes));
      }
      return on_chip(name, size_bytes);
    }
    return std::make_unique<Sectors>(*this, disks_.try_emplace(name, *power_, size_bytes).first->second);
  }
  void write_unflushed(const std::string& name, std::uint64_t offset, std::string_view bytes) override {
    if (fault_ == Fault::boots_uncounted) return;
    if (is_file(name)) return esp_.overwrite(name, offset, bytes);
    if (on_flash_) return succeed(on_chip(name, bytes.size())->write(offset, bytes));
    succeed(disks_.at(name).write(offset, as_bytes(bytes)));
  }
  std::map<std::string, std::string>& variables() override { return variables_; }
  void set_variable(const std::string& name, const std::optional<std::string>& value) override {
    may_lose_power();
    if (value) {
      variables_[name] = *value;
    } else {
      variables_.erase(name);
    }
    may_lose_power();
  }
  std::unique_ptr<boot::test::TestFat> fat() override { return std::make_unique<Folder>(*this); }
  void add_to(Fingerprint& fingerprint) {
    for (const auto& [name, value] : variables_) {
      fingerprint.add(name);
      fingerprint.add(value);
    }
    for (const SimMedium* medium : media()) medium->add_to(fingerprint);
  }
  std::vector<SimMedium*> media() {
    std::vector<SimMedium*> all = {&esp_};
    for (auto& [name, disk] : disks_) all.push_back(&disk);
    for (auto& [name, chip] : chips_) all.push_back(&chip);
    return all;
  }

 private:
  static constexpr Flash::Geometry kChip{.size_bytes = 3U << 12, .block_bytes = 1U << 12, .page_bytes = 1024, .is_nand = true};
  std::unique_ptr<boot::Region> on_chip(const std::string& name, std::size_t size_bytes) {
    const auto open = [&chip = chips_.at(name)](MtdFlash::Use) -> Result<std::unique_ptr<Flash>> {
      return std::make_unique<storage::test::LentFlash>(chip);
    };
    return std::make_unique<boot::FlashRegion>(open, 0, size_bytes, kChip.size_bytes / kChip.block_bytes);
  }
  static bool is_file(const std::string& name) { return name == "grubenv"; }
  void may_lose_power() {
    if (power_->goes_now()) throw storage::PowerLost();
  }

  // The system calls of boot::FileRegion.
  class File final : public boot::Region {
   public:
    File(SimBootStorage& storage, std::string name) : storage_(storage), name_(std::move(name)) {}
    Result<std::string> read() override {
      auto content = storage_.esp_.read(name_);
      if (!content) return fail(kNotFound, name_ + " is not there");
      return *std::move(content);
    }
    Result<> write(std::uint64_t offset, std::string_view sectors) override {
      storage::SimFat& esp = storage_.esp_;
      std::string whole = esp.read(name_).value_or("");
      whole.replace(offset, sectors.size(), sectors);
      if (storage_.fault_ == Fault::truncating_write) return create(whole);
      if (storage_.fault_ == Fault::renaming_write) {
        if (esp.read("new")) esp.remove("new");
        esp.create("new");
        esp.append("new", whole);
        esp.sync("new");
        esp.move("new", name_);
        esp.sync_folder();
        return {};
      }
      esp.overwrite(name_, offset, sectors);
      if (storage_.fault_ != Fault::boot_state_not_flushed) esp.sync(name_);
      return {};
    }
    Result<> create(std::string_view content) override {
      storage::SimFat& esp = storage_.esp_;
      if (esp.read(name_)) {
        esp.truncate(name_);
      } else {
        esp.create(name_);
      }
      esp.append(name_, content);
      esp.sync(name_);
      esp.sync_folder();
      return {};
    }
    Result<> check_writable() override { return {}; }

   private:
    SimBootStorage& storage_;
    std::string name_;
  };

  // The system calls of a program that works with the ESP's files.
  class Folder final : public boot::test::TestFat {
   public:
    explicit Folder(SimBootStorage& storage) : storage_(storage) {}
    std::vector<std::string> names() override { return storage_.esp_.names(); }
    std::optional<std::string> read(std::string_view name) override { return storage_.esp_.read(name); }
    void create(std::string_view name, std::string_view content) override {
      storage_.esp_.create(name);
      storage_.esp_.append(name, content);
    }
    void overwrite(std::string_view name, std::size_t offset, std::string_view bytes) override {
      storage_.esp_.overwrite(name, offset, bytes);
    }
    void move(std::string_view from, std::string_view to) override { storage_.esp_.move(from, to); }
    void remove(std::string_view name) override { storage_.esp_.remove(name); }
    void sync(std::string_view name) override {
      if (storage_.fault_ != Fault::boot_state_not_flushed) storage_.esp_.sync(name);
    }
    void sync_folder() override {
      if (storage_.fault_ != Fault::boot_state_not_flushed) storage_.esp_.sync_folder();
    }

   private:
    SimBootStorage& storage_;
  };

  class Sectors final : public boot::Region {
   public:
    Sectors(SimBootStorage& storage, SimDisk& disk) : storage_(storage), disk_(disk) {}
    Result<std::string> read() override {
      std::string content(disk_.size_bytes(), '\0');
      TRY(disk_.read(0, std::as_writable_bytes(std::span(content))));
      return content;
    }
    Result<> write(std::uint64_t offset, std::string_view sectors) override {
      TRY(disk_.write(offset, as_bytes(sectors)));
      if (storage_.fault_ == Fault::boot_state_not_flushed) return {};
      return disk_.flush();
    }
    Result<> create(std::string_view content) override { return write(0, content); }
    Result<> check_writable() override { return {}; }

   private:
    SimBootStorage& storage_;
    SimDisk& disk_;
  };

  Power* power_;
  Fault fault_ = Fault::none;
  storage::SimFat esp_;
  std::map<std::string, SimDisk> disks_;
  bool on_flash_ = false;
  std::map<std::string, storage::SimFlash> chips_;
  std::map<std::string, std::string> variables_;
};

// Which groups a device has, and which of them is a recovery system.
struct Layout {
  std::vector<std::string> groups;
  std::string recovery;
  bool on_flash = false;  // instead of a disk; with slots that exist once
};
inline const Layout kTwoGroups{{"A", "B"}, ""};
inline const Layout kThreeGroups{{"A", "B", "C"}, ""};
inline const Layout kNormalAndRecovery{{"A", "B"}, "B"};
inline const Layout kOnFlash{{"A", "B"}, "", true};

// Copies are independent: one is kept at each operation at which the power may go.
class Hardware {
 public:
  // As it leaves the factory and has lived since: A runs release 1, the others hold 0 or a recovery system, and all are good to boot.
  // `power` must outlive it.
  Hardware(Power& power, const boot::test::NamedLoader& boots, Fault fault, const Layout& has = kTwoGroups)
      : layout(has), state(power), boot_storage(power), boots_(&boots) {
    if (layout.on_flash) {
      flash.emplace(power, layout.groups);
      boot_storage.use_flash();
    }
    for (const std::string& group : layout.groups) {
      slots.emplace(group, Group(power));
      put(group, releases().at(group == layout.recovery ? "1-recovery" : group == "A" ? "1" : "0"));
    }
    const auto control = loader()->control();
    succeed(control->rebuild("A"));
    for (auto group = layout.groups.rbegin(); group != layout.groups.rend(); ++group) succeed(control->commit(*group));
    SimStateFiles files(state);
    succeed(update::raise_floor(files, 11));
    boot_storage.set_fault(fault);
  }

  const Release* held(const std::string& group) {
    if (flash) return flash->held(group);
    static const std::map<std::string, Group> kWhole = whole_groups();
    const Group& found = slots.at(group);
    for (const auto& [version, whole] : kWhole) {
      if (found.rootfs.holds_same(whole.rootfs) && found.boot.holds_same(whole.boot)) return &releases().at(version);
    }
    return nullptr;
  }
  std::unique_ptr<boot::test::TestLoader> loader() { return boots_->make(boot_storage, layout.groups); }
  bool cut_ends_trial() const { return boots_->cut_ends_trial; }
  // The boot loader's walk. A half-written slot has a kernel that loads.
  std::optional<std::string> choose() {
    return loader()->boot([this](const std::string& name) {
      const Release* release = held(name);
      return !release || release->character != Character::no_kernel;
    });
  }
  void add_to(Fingerprint& fingerprint) {
    boot_storage.add_to(fingerprint);
    state.add_to(fingerprint);
    if (flash) return flash->add_to(fingerprint);
    for (const auto& [name, group] : slots) {
      group.rootfs.add_to(fingerprint);
      group.boot.add_to(fingerprint);
    }
  }
  std::vector<SimMedium*> media() {
    std::vector<SimMedium*> all = boot_storage.media();
    all.push_back(&state);
    if (flash) {
      const std::vector<SimMedium*> chips = flash->media();
      all.insert(all.end(), chips.begin(), chips.end());
      return all;
    }
    for (auto& [name, group] : slots) {
      all.push_back(&group.rootfs);
      all.push_back(&group.boot);
    }
    return all;
  }

  struct Group {
    explicit Group(Power& power) : rootfs(power, kRootfsBytes + 4096), boot(power, kBootBytes + 4096) {}
    SimDisk& of(const std::string& slot_class) { return slot_class == "boot" ? boot : rootfs; }
    SimDisk rootfs;
    SimDisk boot;
  };
  Layout layout;
  std::map<std::string, Group> slots;
  std::optional<FlashHardware> flash;  // then nothing is in slots
  storage::SimExt4 state;
  SimBootStorage boot_storage;

 private:
  static std::map<std::string, Group> whole_groups() {
    static Power off;
    std::map<std::string, Group> whole;
    for (const auto& [version, release] : releases().all()) {
      Group& group = whole.emplace(version, Group(off)).first->second;
      group.rootfs.fill(0, release.rootfs);
      group.boot.fill(0, release.boot);
    }
    return whole;
  }
  void put(const std::string& group, const Release& release) {
    if (flash) return flash->put(group, release);
    slots.at(group).rootfs.fill(0, release.rootfs);
    slots.at(group).boot.fill(0, release.boot);
  }
  const boot::test::NamedLoader* boots_;
};

}  // namespace aloft::agent::test
