// For tests: tar archives, written from the format's description alone (POSIX.1-2001, pax interchange format).
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace aloft::test {

struct Member {
  std::string path;
  mode_t type = S_IFREG;
  std::string content;  // or the target of a symbolic link
  std::string hard_link;
  std::map<std::string, std::string> xattrs;
  mode_t mode = 0644;
};

inline constexpr std::size_t kTarBlock = 512;
inline constexpr std::uint64_t kTarTime = 1700000000;

inline void put_octal(std::string& header, std::size_t at, std::size_t width, std::uint64_t value) {
  std::array<char, 32> digits{};
  std::snprintf(digits.data(), digits.size(), "%0*llo", static_cast<int>(width - 1), static_cast<unsigned long long>(value));
  header.replace(at, width - 1, digits.data());
}

inline void put_member(std::string& tar, const std::string& path, char kind, const std::string& link, std::string_view content,
                       mode_t mode) {
  std::string header(kTarBlock, '\0');
  header.replace(0, path.size(), path);
  put_octal(header, 100, 8, mode);
  put_octal(header, 108, 8, ::geteuid());
  put_octal(header, 116, 8, ::getegid());
  put_octal(header, 124, 12, content.size());
  put_octal(header, 136, 12, kTarTime);
  header[156] = kind;
  header.replace(157, link.size(), link);
  header.replace(257, 6, std::string("ustar\0", 6));
  header.replace(263, 2, "00");
  put_octal(header, 329, 8, 1);  // the device that a node stands for: 1, 3
  put_octal(header, 337, 8, 3);
  header.replace(148, 8, 8, ' ');
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put_octal(header, 148, 7, sum);
  tar += header;
  tar += content;
  tar.resize((tar.size() + kTarBlock - 1) / kTarBlock * kTarBlock, '\0');
}

// "27 path=...\n": the size counts its own digits.
inline std::string pax_record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  std::size_t size = rest.size() + 1;
  while (size != rest.size() + std::to_string(size).size()) ++size;
  return std::to_string(size) + rest;
}

inline char kind_of(const Member& member) {
  if (!member.hard_link.empty()) return '1';
  switch (member.type) {
    case S_IFLNK: return '2';
    case S_IFCHR: return '3';
    case S_IFDIR: return '5';
    case S_IFIFO: return '6';
    default: return '0';
  }
}

inline Bytes tar_of(const std::vector<Member>& members) {
  std::string tar;
  for (const Member& member : members) {
    std::string extended;
    if (member.path.size() > 100) extended += pax_record("path", member.path);
    for (const auto& [name, value] : member.xattrs) extended += pax_record("SCHILY.xattr." + name, value);
    if (!extended.empty()) put_member(tar, "pax", 'x', "", extended, 0644);
    const bool plain = kind_of(member) == '0';
    const std::string& link = member.type == S_IFLNK ? member.content : member.hard_link;
    put_member(tar, member.path.substr(0, 100), kind_of(member), link, plain ? std::string_view(member.content) : "", member.mode);
  }
  tar.append(2 * kTarBlock, '\0');
  const ByteView bytes = as_bytes(tar);
  return {bytes.begin(), bytes.end()};
}

}  // namespace aloft::test
