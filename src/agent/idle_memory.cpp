#include "agent/idle_memory.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>

#include "base/file.hpp"

namespace aloft::agent {
namespace {

constexpr std::uint64_t kMaxSmapsBytes = 4 << 20;

// "7f00-7f10 r-xp 00000000 fe:01 1234   /usr/lib/libc.so.6"
struct MappingLine {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::string_view permissions;
  bool of_file = false;
};

bool parse_mapping(std::string_view line, MappingLine& mapping) {
  const char* const last = line.data() + line.size();
  const auto start = std::from_chars(line.data(), last, mapping.start, 16);
  if (start.ec != std::errc{} || start.ptr == last || *start.ptr != '-') return false;
  const auto end = std::from_chars(start.ptr + 1, last, mapping.end, 16);
  if (end.ec != std::errc{} || last - end.ptr < 6 || *end.ptr != ' ') return false;
  mapping.permissions = std::string_view(end.ptr + 1, 4);
  mapping.of_file = line.contains(" /") && !line.ends_with("(deleted)");
  return mapping.start < mapping.end;
}

// "Private_Dirty:         4 kB"
bool is_nonzero(std::string_view line) { return line.find_first_of("123456789") != std::string_view::npos; }

}  // namespace

std::uint64_t resident_bytes() {
  const auto text = read_file("/proc/self/statm", 256);
  if (!text) return 0;
  const auto space = text->find(' ');
  std::uint64_t pages = 0;
  if (space != std::string::npos) std::from_chars(text->data() + space + 1, text->data() + text->size(), pages);
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::vector<CleanMapping> clean_mappings(std::string_view smaps) {
  std::vector<CleanMapping> found;
  MappingLine current;
  bool clean = false;
  const auto close = [&] {
    if (clean) found.push_back({current.start, current.end});
  };
  while (!smaps.empty()) {
    const std::string_view line = smaps.substr(0, smaps.find('\n'));
    smaps.remove_prefix(std::min(line.size() + 1, smaps.size()));
    MappingLine next;
    if (parse_mapping(line, next)) {
      close();
      current = next;
      clean = next.of_file && next.permissions[1] == '-' && next.permissions[3] == 'p';
    } else if ((line.starts_with("Private_Dirty:") || line.starts_with("Anonymous:") || line.starts_with("Swap:") ||
                line.starts_with("Locked:")) &&
               is_nonzero(line)) {
      clean = false;
    }
  }
  close();
  return found;
}

void release_idle_memory() {
  ::malloc_trim(0);
  const auto smaps = read_file("/proc/self/smaps", kMaxSmapsBytes);
  if (!smaps) return;
  for (const CleanMapping& mapping : clean_mappings(*smaps)) {
    void* const start = reinterpret_cast<void*>(static_cast<std::uintptr_t>(mapping.start));  // NOLINT(performance-no-int-to-ptr)
    ::madvise(start, mapping.end - mapping.start, MADV_DONTNEED);
  }
}

}  // namespace aloft::agent
