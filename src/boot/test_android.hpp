// For tests: U-Boot with its ab_select command, and a backup of the metadata.
#pragma once

#include "base/bytes.hpp"
#include "base/crc32.hpp"
#include "boot/android.hpp"
#include "boot/test_loader.hpp"

namespace aloft::boot::test {

class TestAndroid final : public TestLoader {
 public:
  TestAndroid(TestStorage& storage, std::vector<std::string> slots) : storage_(storage), slots_(std::move(slots)) {}
  std::unique_ptr<BootControl> control() override {
    return std::make_unique<AndroidControl>(storage_.region("misc", kSectorBytes), storage_.region("misc-backup", kSectorBytes), slots_);
  }

  // By the bytes, not by AndroidControl: the highest priority of those with tries; one that is not yet successful loses a try.
  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override {
    for (int resets = 0; resets < 12; ++resets) {
      std::string record = content("misc");
      if (!valid(record)) record = content("misc-backup");
      if (!valid(record)) record = reinitialised();
      std::size_t best = kAndroidSlots;
      for (std::size_t i = 0; i < (byte(record, 9) & 7U); ++i) {
        if (tries(record, i) == 0 || (byte(record, 13 + 2 * i) & 1U) != 0) continue;
        if (best == kAndroidSlots || rank(record, i) > rank(record, best)) best = i;
      }
      if (best == kAndroidSlots) return std::nullopt;
      const std::string before = record;
      if (!successful(record, best)) record[12 + 2 * best] = static_cast<char>(byte(record, 12 + 2 * best) - 0x10U);
      record[0] = "abcd"[best];
      store_le32(std::as_writable_bytes(std::span(record)).subspan(28, 4), crc32(as_bytes(record.substr(0, 28))));
      if (record != content("misc")) storage_.write_unflushed("misc", 0, record);
      if (record != content("misc-backup")) storage_.write_unflushed("misc-backup", 0, record);
      if (loads(slots_[best])) return slots_[best];
      if (record == before) return std::nullopt;  // a committed slot that does not load: U-Boot has no other way
    }
    return std::nullopt;
  }
  void corrupt() override {
    for (const char* name : {"misc", "misc-backup"}) storage_.write_unflushed(name, 0, std::string(32, '\x55'));
  }

 private:
  std::string content(const std::string& name) { return must(storage_.region(name, kSectorBytes)->read()).substr(0, 32); }
  // ab_control_default: every slot may be tried, none has proven itself.
  std::string reinitialised() const {
    std::string record("a\0\0\0BCAB\x01", 9);
    record += static_cast<char>(slots_.size());
    record.resize(12, '\0');
    for (std::size_t i = 0; i < slots_.size(); ++i) record += std::string("\x7f\0", 2);
    record.resize(32, '\0');
    return record;
  }
  static bool valid(const std::string& record) {
    return load_le32(as_bytes(record.substr(28, 4))) == crc32(as_bytes(record.substr(0, 28)));
  }
  static unsigned byte(const std::string& record, std::size_t at) { return static_cast<unsigned char>(record[at]); }
  static unsigned tries(const std::string& record, std::size_t slot) { return byte(record, 12 + 2 * slot) >> 4U & 7U; }
  static bool successful(const std::string& record, std::size_t slot) { return (byte(record, 12 + 2 * slot) & 0x80U) != 0; }
  static unsigned rank(const std::string& record, std::size_t slot) {
    return (byte(record, 12 + 2 * slot) & 15U) * 16 + (successful(record, slot) ? 8 : 0) + tries(record, slot);
  }
  TestStorage& storage_;
  std::vector<std::string> slots_;
};

}  // namespace aloft::boot::test
