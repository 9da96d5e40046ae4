// The input as the list of an old tree's files: what was accepted lies within the image, in order, and leads out of no tree.
#include <cstdlib>
#include <filesystem>

#include "delta/file_map.hpp"

extern "C" int delta_files_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  constexpr std::uint64_t kImageBytes = 1 << 20;
  const auto map = delta::FileMap::parse(std::as_bytes(std::span(data, size)), kImageBytes);
  if (!map) return 0;
  std::vector<delta::FileRun> runs;
  for (auto run = map->at_or_behind(0); run; run = map->at_or_behind(runs.back().offset_end())) {
    if (run->size_bytes == 0 || run->offset_end() > kImageBytes || (!runs.empty() && run->offset < runs.back().offset_end())) std::abort();
    const std::filesystem::path path = run->path;
    if (path.is_absolute() || path.lexically_normal() != path || *path.begin() == ".." || run->path.contains('\0')) std::abort();
    if (run->file_offset > (1ULL << 62)) std::abort();
    runs.push_back(*std::move(run));
  }
  if (runs.size() != map->count() || map->empty() != runs.empty()) std::abort();
  const auto again = delta::FileMap::of(runs, kImageBytes);
  if (!again || again->count() != map->count()) std::abort();
  return 0;
}
