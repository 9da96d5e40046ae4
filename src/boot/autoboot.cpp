#include "boot/autoboot.hpp"

#include <algorithm>
#include <charconv>

#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

constexpr std::string_view kComment = "#aloft ";
constexpr std::string_view kSetting = "boot_partition=";

std::uint32_t partition_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc() && number <= 63 ? number : 0;
}

std::string_view without_blanks(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

Result<Autoboot> parse_autoboot(std::string_view file) {
  if (file.size() > kAutobootBytes || file.find('\0') != std::string_view::npos)
    return fail(kBootStateCorrupt, "autoboot.txt is no text of at most 512 bytes; it has to be written anew");
  Autoboot content;
  std::string_view section = "[all]";
  while (!file.empty()) {
    const std::size_t end = std::min(file.find('\n'), file.size());
    const std::string_view line = without_blanks(file.substr(0, end));
    file.remove_prefix(std::min(end + 1, file.size()));
    if (line.starts_with('[')) section = line;
    if (line.starts_with(kComment)) content.comment = line.substr(kComment.size());
    if (!line.starts_with(kSetting)) continue;
    const std::uint32_t partition = partition_of(line.substr(kSetting.size()));
    if (section == "[all]") content.usual = partition;
    if (section == "[tryboot]") content.once = partition;
  }
  return content;
}

Result<std::string> format_autoboot(const Autoboot& content) {
  std::string file;
  if (content.comment) file += std::string(kComment) + *content.comment + "\n";
  file += "[all]\ntryboot_a_b=1\n" + std::string(kSetting) + std::to_string(content.usual) + "\n";
  if (content.once != 0) file += "[tryboot]\n" + std::string(kSetting) + std::to_string(content.once) + "\n";
  if (file.size() > kAutobootBytes)
    return fail(kBootSetting, "the boot state does not fit into the 512 bytes of autoboot.txt; use fewer or shorter slot names");
  const std::size_t rest = kAutobootBytes - file.size();
  if (rest > 0) file += std::string(rest - 1, '#') + "\n";
  return file;
}

}  // namespace aloft::boot
