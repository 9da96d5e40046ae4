// Where an old image that was unpacked into a tree of files is found there. Text form: docs/delta-format.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::delta {

// A run of the image that is a run of a file.
struct FileRun {
  std::uint64_t offset = 0;      // in the image
  std::uint64_t size_bytes = 0;  // at least 1
  std::string path;              // from the tree's root, without a slash in front, "." or ".."
  std::uint64_t file_offset = 0;
  std::uint64_t offset_end() const { return offset + size_bytes; }
  bool operator==(const FileRun&) const = default;
};

// Whether a map may have runs of a file at this path: it leads nowhere but down, and neither it nor a part of it is longer than Linux
// takes.
bool may_be_named(std::string_view path);

// In rising order of offset, none over another; of runs of one file that follow each other, each begins behind the one before. Memory: the
// text, and 16 bytes for each 64 runs.
class FileMap {
 public:
  FileMap() = default;  // of an image that is no tree
  // Errors: kBadDelta; what it names lies within image_bytes, and beneath a tree's root as far as words can tell.
  static Result<FileMap> parse(ByteView text, std::uint64_t image_bytes);
  // Errors: kBadDelta for runs that no map has.
  static Result<FileMap> of(const std::vector<FileRun>& runs, std::uint64_t image_bytes);

  bool empty() const { return text_.empty(); }
  std::uint64_t count() const { return count_; }
  const Bytes& text() const { return text_; }
  // The run that holds the image's byte, or else the next one; none behind the last.
  std::optional<FileRun> at_or_behind(std::uint64_t offset) const;

 private:
  struct Mark {
    std::uint64_t image_offset;  // behind what stands before
    std::size_t text_offset;
  };
  Bytes text_;
  std::vector<Mark> marks_;
  std::uint64_t count_ = 0;
};

}  // namespace aloft::delta
