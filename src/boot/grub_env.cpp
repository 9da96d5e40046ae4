#include "boot/grub_env.hpp"

#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

constexpr std::string_view kBlockHead = "# GRUB Environment Block\n";

// One line without its newline, escapes resolved; moves `at` behind it. False where the block ends in the middle of the line.
bool next_line(std::string_view block, std::size_t& at, std::string& line) {
  line.clear();
  while (at < block.size()) {
    const char c = block[at++];
    if (c == '\n') return true;
    if (c == '\\' && at < block.size()) {
      line += block[at++];
    } else {
      line += c;
    }
  }
  return false;
}

std::string assignment(const std::pair<std::string, std::string>& variable) {
  std::string line = variable.first + "=";
  for (const char c : variable.second) {
    if (c == '\\' || c == '\n') line += '\\';
    line += c;
  }
  return line + "\n";
}

}  // namespace

Result<GrubVariables> parse_grub_env(std::string_view block) {
  if (block.size() != kGrubEnvBytes || !block.starts_with(kBlockHead)) {
    return fail(kBootStateCorrupt, "the boot loader's environment is no GRUB environment block of 1024 bytes; it has to be written anew");
  }
  GrubVariables variables;
  std::string line;
  for (std::size_t at = kBlockHead.size(); at < block.size();) {
    if (block[at] == '#') {  // a comment ends at the newline whatever stands before it
      const std::size_t end = block.find('\n', at);
      if (end == std::string_view::npos) break;
      at = end + 1;
      continue;
    }
    if (!next_line(block, at, line)) break;
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    variables.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  return variables;
}

Result<std::string> format_grub_env(const GrubVariables& variables, std::size_t needed) {
  std::string block(kBlockHead);
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const std::string line = assignment(variables[i]);
    if (block.size() + line.size() <= kSectorBytes) {
      block += line;
    } else if (i < needed) {
      return fail(kBootStateFull, "the boot state does not fit into one sector of 512 bytes; use fewer or shorter slot names");
    } else {
      break;
    }
  }
  block.resize(kGrubEnvBytes, '#');
  return block;
}

}  // namespace aloft::boot
