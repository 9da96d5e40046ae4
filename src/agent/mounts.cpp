#include "agent/mounts.hpp"

#include <algorithm>

#include "agent/words.hpp"

namespace aloft::agent {
namespace {

template <typename Take>
void each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// The kernel writes space, tab, newline and backslash as three octal digits: "\040".
std::string unescaped(std::string_view word) {
  std::string text;
  for (std::size_t at = 0; at < word.size(); ++at) {
    const auto octal = [&](std::size_t i) { return at + i < word.size() && word[at + i] >= '0' && word[at + i] <= '7'; };
    if (word[at] == '\\' && octal(1) && octal(2) && octal(3) && word[at + 1] <= '3') {
      text += static_cast<char>((word[at + 1] - '0') * 64 + (word[at + 2] - '0') * 8 + (word[at + 3] - '0'));
      at += 3;
    } else {
      text += word[at];
    }
  }
  return text;
}

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const auto end = std::min(options.find(','), options.size());
    if (options.substr(0, end) == wanted) return true;
    options.remove_prefix(std::min(end + 1, options.size()));
  }
  return false;
}

bool begins(const std::filesystem::path& point, const std::filesystem::path& path) {
  const auto [in_point, in_path] = std::ranges::mismatch(point, path);
  return in_point == point.end() || (point == "/" && path.is_absolute());
}

}  // namespace

std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  each_line(text, [&](std::string_view line) {
    // id parent number root point options optional* - type source super-options
    const auto words = words_of(line);
    const auto dash = std::ranges::find(words, "-");
    if (words.size() < 7 || words.end() - dash < 4 || dash - words.begin() < 6) return;
    mounts.push_back({.number = std::string(words[2]),
                      .root = unescaped(words[3]),
                      .point = unescaped(words[4]),
                      .read_only = has_option(words[5], "ro") || has_option(dash[3], "ro"),
                      .type = std::string(dash[1]),
                      .source = unescaped(dash[2])});
  });
  return mounts;
}

const Mount* mount_of(const std::vector<Mount>& mounts, const std::filesystem::path& path) {
  const Mount* found = nullptr;
  for (const Mount& mount : mounts)
    if (begins(mount.point, path) && (found == nullptr || mount.point.string().size() >= found->point.string().size())) found = &mount;
  return found;
}

std::vector<std::string> fstab_sources(std::string_view text) {
  std::vector<std::string> sources;
  each_line(text, [&](std::string_view line) {
    const auto words = words_of(line);
    if (words.size() >= 2 && !words[0].starts_with('#')) sources.push_back(unescaped(words[0]));
  });
  return sources;
}

}  // namespace aloft::agent
