#include "patch/tar_files.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>

#include "base/utf8_locale.hpp"

namespace aloft::patch {
namespace {

// Without empty parts and "."; empty for one that no map of files names.
std::string plain_path(std::string_view path) {
  std::string plain;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (!part.empty() && part != ".") plain += (plain.empty() ? "" : "/") + std::string(part);
  }
  return delta::may_be_named(plain) ? plain : std::string();
}

// What the reader hands out lies in the archive's own memory, which says where it stands.
void add_runs(archive* reader, const std::string& path, ByteView tar, std::vector<delta::FileRun>& runs) {
  const void* block = nullptr;
  std::size_t size = 0;
  la_int64_t at = 0;
  while (::archive_read_data_block(reader, &block, &size, &at) == ARCHIVE_OK) {
    const auto* const bytes = static_cast<const std::byte*>(block);
    if (size == 0 || bytes < tar.data() || bytes + size > tar.data() + tar.size()) continue;
    delta::FileRun run{.offset = static_cast<std::uint64_t>(bytes - tar.data()),
                       .size_bytes = size,
                       .path = path,
                       .file_offset = static_cast<std::uint64_t>(at)};
    if (!runs.empty() && run.offset < runs.back().offset_end()) continue;
    const bool same_file = !runs.empty() && runs.back().path == path;
    const std::uint64_t file_end = same_file ? runs.back().file_offset + runs.back().size_bytes : 0;
    if (run.file_offset < file_end) continue;  // the archive has the file twice
    const bool goes_on = same_file && runs.back().offset_end() == run.offset && file_end == run.file_offset;
    if (goes_on) {
      runs.back().size_bytes += size;
    } else {
      runs.push_back(std::move(run));
    }
  }
}

}  // namespace

std::vector<delta::FileRun> files_in(ByteView tar) {
  std::vector<delta::FileRun> runs;
  const std::unique_ptr<archive, int (*)(archive*)> reader(::archive_read_new(), ::archive_read_free);
  if (!reader || ::archive_read_support_format_tar(reader.get()) != ARCHIVE_OK ||
      ::archive_read_open_memory(reader.get(), tar.data(), tar.size()) != ARCHIVE_OK)
    return runs;
  const Utf8Locale utf8;
  archive_entry* entry = nullptr;
  for (;;) {
    const int status = ::archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_WARN) continue;  // as of a path that is no UTF-8
    if (status != ARCHIVE_OK) return runs;
    const char* const name = ::archive_entry_pathname(entry);
    const std::string path = name == nullptr ? std::string() : plain_path(name);
    if (!path.empty() && ::archive_entry_filetype(entry) == AE_IFREG && ::archive_entry_hardlink(entry) == nullptr)
      add_runs(reader.get(), path, tar, runs);
  }
}

}  // namespace aloft::patch
