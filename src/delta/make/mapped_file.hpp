// A file's content as memory, without holding it in memory.
#pragma once

#include <filesystem>

#include "base/bytes.hpp"
#include "base/file.hpp"

namespace aloft::delta {

inline constexpr std::uint64_t kRelaxEvery = 64ULL << 20;  // so many bytes may stay in memory once they were read

// A regular file, mapped read only. It must not become shorter while it is mapped: the process would die of SIGBUS.
class MappedFile {
 public:
  // Errors: file errors, kBadArgument for what is no regular file.
  static Result<MappedFile> open(const std::filesystem::path& path);
  // The same of an open file; does not take it over.
  static Result<MappedFile> map(int fd, const std::filesystem::path& name);
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();
  ByteView bytes() const { return bytes_; }
  // Gives back the pages that were read; they are read again from the file when they are needed.
  void relax() const;

 private:
  explicit MappedFile(ByteView bytes) : bytes_(bytes) {}
  ByteView bytes_;
};

}  // namespace aloft::delta
