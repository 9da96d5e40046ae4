#include "boot/bgenv.hpp"

#include "base/crc32.hpp"
#include "boot/errors.hpp"
#include "boot/utf16.hpp"

namespace aloft::boot {
namespace {

constexpr std::size_t kTextBytes = 510;
// Of the four bytes that make up for a change. The last character stays zero: libebgenv takes no file in which it is not.
constexpr std::size_t kBalanceOffset = 1014;
constexpr std::size_t kProgressOffset = 1020;
constexpr std::size_t kStateOffset = 1021;
constexpr std::size_t kWatchdogOffset = 1022;
constexpr std::size_t kRevisionOffset = 1024;

std::uint8_t u8(std::string_view file, std::size_t at) { return static_cast<std::uint8_t>(file[at]); }

std::uint32_t le32(std::string_view file, std::size_t at) { return load_le32(as_bytes(file).subspan(at, 4)); }

Result<> put_text(std::string& file, std::size_t at, std::string_view text, std::string_view what) {
  const std::string units = to_utf16le(text);
  if (units.size() > 2 * kGuardTextUnits)
    return fail(kBootSetting, "the " + std::string(what) + " has more than 254 characters, which EFI Boot Guard cannot hold: " +
                                  std::string(text.substr(0, 64)) + "...");
  file.replace(at, units.size(), units);
  return {};
}

void put_le32(std::string& file, std::size_t at, std::uint32_t value) {
  store_le32(std::as_writable_bytes(std::span(file)).subspan(at, 4), value);
}

}  // namespace

Result<GuardEnv> parse_guard_env(std::string_view file) {
  if (file.size() < kLeastGuardBytes || file.size() > kMostGuardBytes)
    return fail(kBootStateCorrupt, "no environment of EFI Boot Guard has " + std::to_string(file.size()) + " bytes");
  const std::size_t end = file.size() - 4;
  if (crc32(as_bytes(file.substr(0, end))) != le32(file, end))
    return fail(kBootStateCorrupt, "an environment of EFI Boot Guard does not match its checksum; the boot loader ignores it");
  if (u8(file, kStateOffset) > 3)
    return fail(kBootStateCorrupt, "an environment of EFI Boot Guard has the unknown state " + std::to_string(u8(file, kStateOffset)));
  GuardEnv env;
  env.kernel = from_utf16le(file.substr(0, 2 * kGuardTextUnits));
  env.arguments = from_utf16le(file.substr(kTextBytes, 2 * kGuardTextUnits));
  env.in_progress = u8(file, kProgressOffset) == 1;
  env.state = static_cast<GuardState>(u8(file, kStateOffset));
  env.watchdog_s = static_cast<std::uint16_t>(u8(file, kWatchdogOffset) | (u8(file, kWatchdogOffset + 1) << 8));
  env.revision = le32(file, kRevisionOffset);
  env.user = file.substr(kGuardHeadBytes, end - kGuardHeadBytes);
  return env;
}

Result<std::string> format_guard_env(const GuardEnv& env) {
  std::string file(kGuardHeadBytes, '\0');
  TRY(put_text(file, 0, env.kernel, "kernel's file name"));
  TRY(put_text(file, kTextBytes, env.arguments, "kernel's arguments"));
  file[kProgressOffset] = env.in_progress ? '\1' : '\0';
  file[kStateOffset] = static_cast<char>(env.state);
  file[kWatchdogOffset] = static_cast<char>(env.watchdog_s & 0xff);
  file[kWatchdogOffset + 1] = static_cast<char>(env.watchdog_s >> 8);
  put_le32(file, kRevisionOffset, env.revision);
  file += env.user;
  file.resize(file.size() + 4);
  const std::size_t end = file.size() - 4;
  put_le32(file, end, crc32(as_bytes(std::string_view(file).substr(0, end))));
  return file;
}

// CRC-32 takes four bytes as if they had been part of what it already holds: so the four that lead from the sum before them to the sum
// behind them are found by going back from the end.
std::optional<std::string> with_guard_state(std::string file, GuardState state) {
  constexpr std::string_view kZeros("\0\0\0\0", 4);
  const std::size_t end = file.size() - 4;
  const std::string_view arguments = std::string_view(file).substr(kTextBytes, kBalanceOffset - kTextBytes);
  bool ends = false;
  for (std::size_t at = 0; at < arguments.size(); at += 2) ends = ends || arguments.substr(at, 2) == kZeros.substr(0, 2);
  if (!ends) return std::nullopt;
  file[kStateOffset] = static_cast<char>(state);
  const std::string_view all(file);
  const ByteView zeros = as_bytes(kZeros.substr(0, 4));
  const std::uint32_t before = ~crc32(as_bytes(all.substr(0, kBalanceOffset)));
  const std::uint32_t behind = crc32_before(as_bytes(all.substr(kBalanceOffset + 4, end - kBalanceOffset - 4)), le32(file, end));
  put_le32(file, kBalanceOffset, before ^ ~crc32_before(zeros, behind));
  return file;
}

}  // namespace aloft::boot
