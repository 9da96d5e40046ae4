// Boot control by Android's A/B slot metadata, as U-Boot's ab_select keeps it (U-Boot boot/android_ab.c and
// include/android_bootloader_message.h): a record of 32 bytes in the partition misc, and perhaps a second one that stands in for it.
//   bytes 0-3 the slot booted last ("a"), 4-7 magic "BCAB", 8 version 1, 9 number of slots, 12-19 two bytes for each of four slots
//   (priority 0-15, tries 0-7, successful; verity corrupted), 28-31 CRC-32 of the 28 before
// The group that comes first by name is slot a, the next b, and so on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "boot/record_control.hpp"
#include "boot/region.hpp"
#include "boot/settings.hpp"

namespace aloft::boot {

inline constexpr unsigned kAndroidTries = 7;
inline constexpr std::size_t kAndroidSlots = 4;
inline constexpr std::uint64_t kAndroidOffsetBytes = 2048;  // of the record in misc

class AndroidControl final : public RecordControl {
 public:
  // record, backup: the sector that begins with it; backup may be null.
  AndroidControl(std::unique_ptr<Region> record, std::unique_ptr<Region> backup, std::vector<std::string> slots)
      : RecordControl(std::move(slots), kAndroidTries), record_(std::move(record)), backup_(std::move(backup)) {}
  Result<std::vector<std::string>> examine(Probe probe) override;

 protected:
  Result<BootState> load() override;
  Result<> store(const BootState& state) override;

 private:
  std::unique_ptr<Region> record_;
  std::unique_ptr<Region> backup_;
  std::string before_;  // the record that counts, or a fresh one
  bool record_valid_ = false;
  bool backup_valid_ = false;
};

// Settings: misc, offset, backup_offset. Errors: kBootSetting for more than four groups and for offsets that no sector begins at.
Result<std::unique_ptr<BootControl>> open_android(const Settings& settings, std::vector<std::string> slots);

}  // namespace aloft::boot
