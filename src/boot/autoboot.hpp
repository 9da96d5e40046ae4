// autoboot.txt of the Raspberry Pi's firmware (Raspberry Pi documentation, "autoboot.txt" and "Fail-safe OS updates (tryboot)"): at most
// 512 bytes on the first FAT partition, sections [all] and [tryboot] with boot_partition=N. Ours is always one whole sector and keeps the
// agent's state of the slots in a comment:
//   #aloft B=3 A=good C=0
//   [all]
//   tryboot_a_b=1
//   boot_partition=2
//   [tryboot]
//   boot_partition=3
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aloft::boot {

inline constexpr std::size_t kAutobootBytes = 512;

struct Autoboot {
  std::uint32_t usual = 0;             // partition of a plain start; 0: none is named
  std::uint32_t once = 0;              // of a start with the tryboot flag; 0: the same
  std::optional<std::string> comment;  // what stands behind "#aloft "
  bool operator==(const Autoboot&) const = default;
};

// As the firmware reads it: the last setting of a section counts, others and sections of conditions it does not know are passed over.
// Errors: kBootStateCorrupt for more than 512 bytes or a zero byte among them: the firmware stops there.
Result<Autoboot> parse_autoboot(std::string_view file);
// Exactly 512 bytes, filled up with a comment. Errors: kBootSetting where it does not fit.
Result<std::string> format_autoboot(const Autoboot& content);

}  // namespace aloft::boot
