#include "boot/fw_env_config.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <optional>

#include "base/file.hpp"
#include "boot/errors.hpp"
#include "boot/flash.hpp"
#include "boot/record_control.hpp"

namespace aloft::boot {
namespace {

constexpr std::int64_t kMaxBlocks = 64;

bool is_mtd(const std::filesystem::path& device) {
  return device.string().starts_with("/dev/mtd") && !device.string().starts_with("/dev/mtdblock");
}
bool is_ubi(const std::filesystem::path& device) {
  return device.string().starts_with("/dev/ubi") && !device.string().starts_with("/dev/ubiblock");
}

// As C writes integers: 0x4000, -0x4000, 16384. (Octal is nobody's wish here: a leading zero means nothing.)
std::optional<std::int64_t> parse_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (problem != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return negative ? -value : value;
}

std::unexpected<Error> wrong(std::size_t line, const std::string& what) {
  return fail(kBootSetting, "fw_env.config, line " + std::to_string(line) + ": " + what);
}

Result<FwEnvCopy> parse_line(const std::vector<std::string>& fields, std::size_t line) {
  if (fields.size() < 3) return wrong(line, "a copy of the environment is DEVICE OFFSET SIZE");
  FwEnvCopy copy{.device = fields[0]};
  if (!copy.device.is_absolute()) return wrong(line, "the device must be an absolute path");
  const auto offset = parse_number(fields[1]);
  const auto size = parse_number(fields[2]);
  if (!offset || *offset % static_cast<std::int64_t>(kSectorBytes) != 0) return wrong(line, "the offset must be a multiple of 512 bytes");
  if (!size || *size <= 0 || *size % static_cast<std::int64_t>(kSectorBytes) != 0 || static_cast<std::uint64_t>(*size) > kMaxUbootEnvBytes)
    return wrong(line, "the size must be a multiple of 512 bytes, at most 1 MiB");
  if ((is_mtd(copy.device) && *offset < 0) || (is_ubi(copy.device) && *offset != 0))
    return wrong(line, "an offset on flash counts from the start, and in a UBI volume it is 0");
  if (fields.size() > 4) {
    const auto blocks = parse_number(fields[4]);
    if (!blocks || *blocks < 0 || *blocks > kMaxBlocks)
      return wrong(line, "the number of sectors must be 0 to " + std::to_string(kMaxBlocks));
    copy.block_count = static_cast<std::uint64_t>(*blocks);
  }
  copy.offset_bytes = *offset;
  copy.size_bytes = static_cast<std::uint64_t>(*size);
  return copy;
}

Result<std::uint64_t> from_start(const FwEnvCopy& copy) {
  if (copy.offset_bytes >= 0) return static_cast<std::uint64_t>(copy.offset_bytes);
  const Fd fd = TRY(open_file(copy.device, O_RDONLY));
  const off_t end = ::lseek(fd.get(), 0, SEEK_END);
  if (end < -copy.offset_bytes)
    return fail(kBootSetting, "fw_env.config: " + copy.device.string() + " is smaller than the offset from its end");
  return static_cast<std::uint64_t>(end + copy.offset_bytes);
}

}  // namespace

Result<std::vector<FwEnvCopy>> parse_fw_env_config(std::string_view text) {
  std::vector<FwEnvCopy> copies;
  std::size_t line = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    ++line;
    const std::string_view content = text.substr(at, end - at);
    const auto fields = words(content.substr(0, content.find('#')));
    at = end + 1;
    if (fields.empty()) continue;
    if (copies.size() == 2) return wrong(line, "there can be two copies of the environment, not more");
    copies.push_back(TRY(parse_line(fields, line)));
  }
  if (copies.empty()) return fail(kBootSetting, "fw_env.config names no copy of the environment");
  if (copies.size() == 2) {
    const auto& [first, second] = std::tie(copies[0], copies[1]);
    if (first.size_bytes != second.size_bytes) return wrong(line, "the two copies differ in size");
    const bool apart = first.device != second.device || (first.offset_bytes < 0) != (second.offset_bytes < 0) ||
                       std::max(first.offset_bytes, second.offset_bytes) - std::min(first.offset_bytes, second.offset_bytes) >=
                           static_cast<std::int64_t>(first.size_bytes);
    if (!apart) return wrong(line, "the two copies overlap");
  }
  return copies;
}

Result<std::unique_ptr<UbootEnvironment>> open_uboot_env(const std::vector<FwEnvCopy>& copies) {
  std::vector<std::unique_ptr<Region>> regions;
  UbootFlags flags = UbootFlags::serial;
  for (const FwEnvCopy& copy : copies) {
    if (is_mtd(copy.device)) {
      const OpenFlash open = [device = copy.device](MtdFlash::Use use) -> Result<std::unique_ptr<Flash>> {
        return TRY(MtdFlash::open(device, use));
      };
      if (!TRY(open(MtdFlash::Use::look))->geometry().is_nand) flags = UbootFlags::active;
      regions.push_back(std::make_unique<FlashRegion>(open, TRY(from_start(copy)), copy.size_bytes, copy.block_count));
    } else if (is_ubi(copy.device)) {
      regions.push_back(std::make_unique<UbiRegion>(copy.device, copy.size_bytes));
    } else {
      regions.push_back(std::make_unique<FileRegion>(copy.device, TRY(from_start(copy)), copy.size_bytes));
    }
  }
  return std::make_unique<UbootEnvironment>(std::move(regions), copies.front().size_bytes, flags);
}

}  // namespace aloft::boot
