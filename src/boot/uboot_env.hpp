// U-Boot's environment as it lies on a device (U-Boot include/env_internal.h): CRC-32 in the byte order of the CPU | one flags byte, where
// there are two copies | NAME=VALUE, each ended by a zero byte, and a zero byte more | filler.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "boot/region.hpp"

namespace aloft::boot {

using UbootVariables = std::map<std::string, std::string, std::less<>>;

// One copy of it.
struct UbootCopy {
  std::uint8_t flags = 0;  // of a redundant environment: its serial number
  UbootVariables variables;
};

// Entries without a name or a '=' are passed over, as U-Boot does. Errors: kBootStateCorrupt where the CRC is wrong or the end is missing.
Result<UbootCopy> parse_uboot_env(std::string_view image, bool redundant);
// Errors: kBootStateFull. A variable without a value is left out: for U-Boot the two are the same.
Result<std::string> format_uboot_env(const UbootCopy& copy, bool redundant, std::size_t size_bytes);

// What the flags byte of two copies says.
enum class UbootFlags : std::uint8_t {
  serial,  // a number that counts up, from 255 to 0: on block devices, NAND and UBI
  active,  // 1: the newer copy, 0: the older, which is cleared without an erase: on NOR flash
};

// The environment of a device: one copy, or two of which the newer counts. A change goes to the older one, in one durable write, and is
// read back; so a power cut leaves the old or the new environment. With one copy only, it is written over itself: a power cut may lose it.
class UbootEnvironment {
 public:
  // copies: one or two, each of size_bytes.
  UbootEnvironment(std::vector<std::unique_ptr<Region>> copies, std::size_t size_bytes, UbootFlags flags = UbootFlags::serial)
      : copies_(std::move(copies)), size_bytes_(size_bytes), flags_(flags) {}

  // Errors: kBootStateCorrupt where no copy is valid; what cannot be read counts as not valid.
  Result<UbootVariables> load();
  // What load() found, changed. `fresh`: load() found nothing. Errors: kBootStateFull, kBootStateWrite, those of Region.
  Result<> save(const UbootVariables& variables);
  Result<> check_writable();
  // What is weak, after load().
  std::vector<std::string> weaknesses() const;

 private:
  bool redundant() const { return copies_.size() > 1; }
  std::size_t newer() const;
  std::vector<std::unique_ptr<Region>> copies_;
  std::size_t size_bytes_;
  UbootFlags flags_;
  std::vector<std::optional<UbootCopy>> found_;  // by copy, as of the last load(); none: not valid
  std::vector<std::size_t> found_bytes_;
};

}  // namespace aloft::boot
