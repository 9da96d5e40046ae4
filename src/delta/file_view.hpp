// An image that is a tree of files as the files alone tell of it.
#pragma once

#include <functional>

#include "base/byte_source.hpp"
#include "delta/file_map.hpp"

namespace aloft::delta {

// What lies in no file, as an archive's headers do, reads as zeros. One thread.
class FileView final : public ByteSource {
 public:
  // Fills `out` from the run, `at` bytes into it.
  using ReadRun = std::function<Result<>(const FileRun& run, std::uint64_t at, MutableByteView out)>;
  // The map must outlive this.
  FileView(const FileMap& map, std::uint64_t image_bytes, ReadRun read) : map_(map), image_bytes_(image_bytes), read_(std::move(read)) {}
  // Of the archive itself, which must outlive this.
  static FileView of_archive(const FileMap& map, std::uint64_t image_bytes, ByteSource& archive);
  // Errors: those of ReadRun.
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override;
  bool any_order() const override { return false; }

 private:
  const FileMap& map_;
  const std::uint64_t image_bytes_;
  const ReadRun read_;
};

}  // namespace aloft::delta
