#include "delta/file_map.hpp"

#include <algorithm>

#include "delta/errors.hpp"
#include "delta/varint.hpp"

namespace aloft::delta {
namespace {

constexpr std::uint64_t kRunsPerMark = 64;  // each of which the first stands for itself
constexpr std::size_t kMaxPathBytes = 4095;
constexpr std::size_t kMaxPathPartBytes = 255;
constexpr std::uint64_t kMaxFileBytes = 1ULL << 62;

std::unexpected<Error> bad_map(const char* what) {
  return fail(kBadDelta, std::string("the delta's list of old files ") + what + "; make the delta again");
}

bool is_path_part(std::string_view part) {
  return !part.empty() && part.size() <= kMaxPathPartBytes && part != "." && part != ".." && !part.contains('\0');
}

// What the next run is told by.
struct Before {
  std::uint64_t offset_end = 0;
  std::string path;
  std::uint64_t file_offset_end = 0;
};

void begin_afresh(Before& before) {
  before.path.clear();
  before.file_offset_end = 0;
}

Result<FileRun> take_run(Input& in, Before& before, std::uint64_t image_bytes) {
  FileRun run;
  const std::uint64_t gap = TRY(in.varint());
  run.size_bytes = TRY(in.varint());
  const std::uint64_t shared = TRY(in.varint());
  const ByteView rest = TRY(in.take(TRY(in.varint())));
  const std::uint64_t skipped = TRY(in.varint());
  const std::uint64_t room = image_bytes - before.offset_end;
  if (run.size_bytes == 0 || gap > room || run.size_bytes > room - gap) return bad_map("goes beyond the old image");
  if (shared > before.path.size() || shared + rest.size() > kMaxPathBytes) return bad_map("has a path that cannot be");
  run.offset = before.offset_end + gap;
  run.path = before.path.substr(0, static_cast<std::size_t>(shared)) + std::string(as_text(rest));
  if (!may_be_named(run.path)) return bad_map("has a path that leads out of its tree");
  run.file_offset = run.path == before.path ? before.file_offset_end : 0;
  if (skipped > kMaxFileBytes - run.file_offset || run.size_bytes > kMaxFileBytes - run.file_offset - skipped)
    return bad_map("has a file of a size that none can have");
  run.file_offset += skipped;
  before = {.offset_end = run.offset_end(), .path = run.path, .file_offset_end = run.file_offset + run.size_bytes};
  return run;
}

void put_run(Bytes& out, const FileRun& run, Before& before) {
  const auto differ = std::ranges::mismatch(run.path, before.path).in1;
  const auto shared = static_cast<std::size_t>(differ - run.path.begin());
  const ByteView rest = as_bytes(run.path).subspan(shared);
  put_varint(out, run.offset - before.offset_end);
  put_varint(out, run.size_bytes);
  put_varint(out, shared);
  put_varint(out, rest.size());
  out.insert(out.end(), rest.begin(), rest.end());
  put_varint(out, run.file_offset - (run.path == before.path ? before.file_offset_end : 0));
  before = {.offset_end = run.offset_end(), .path = run.path, .file_offset_end = run.file_offset + run.size_bytes};
}

}  // namespace

bool may_be_named(std::string_view path) {
  if (path.size() > kMaxPathBytes) return false;
  for (;;) {
    const std::size_t slash = path.find('/');
    if (!is_path_part(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Result<FileMap> FileMap::parse(ByteView text, std::uint64_t image_bytes) {
  FileMap map;
  Input in(text);
  Before before;
  for (; !in.empty(); ++map.count_) {
    if (map.count_ % kRunsPerMark == 0) {
      begin_afresh(before);
      map.marks_.push_back({before.offset_end, text.size() - in.size()});
    }
    TRY(take_run(in, before, image_bytes));
  }
  map.text_.assign(text.begin(), text.end());
  return map;
}

Result<FileMap> FileMap::of(const std::vector<FileRun>& runs, std::uint64_t image_bytes) {
  Bytes text;
  Before before;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i % kRunsPerMark == 0) begin_afresh(before);
    put_run(text, runs[i], before);
  }
  return parse(text, image_bytes);
}

std::optional<FileRun> FileMap::at_or_behind(std::uint64_t offset) const {
  const auto next = std::ranges::upper_bound(marks_, offset, {}, &Mark::image_offset);
  const Mark start = next == marks_.begin() ? Mark{} : *(next - 1);
  Input in(ByteView(text_).subspan(start.text_offset));
  Before before{.offset_end = start.image_offset, .path = {}, .file_offset_end = 0};
  for (std::uint64_t i = 0; !in.empty(); ++i) {
    if (i % kRunsPerMark == 0) begin_afresh(before);
    auto run = take_run(in, before, UINT64_MAX);
    if (!run) return std::nullopt;  // it was read before
    if (run->offset_end() > offset) return *std::move(run);
  }
  return std::nullopt;
}

}  // namespace aloft::delta
