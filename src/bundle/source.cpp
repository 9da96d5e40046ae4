#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "bundle/errors.hpp"
#include "bundle/reader.hpp"

namespace aloft::bundle {
namespace {

class FileSource final : public ByteSource {
 public:
  explicit FileSource(Fd fd) : fd_(std::move(fd)) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override {
    if (offset > INT64_MAX - buffer.size()) return std::size_t{0};
    return read_full_at(fd_.get(), buffer, offset);
  }
  bool any_order() const override { return true; }
  int descriptor() const override { return fd_.get(); }

 private:
  Fd fd_;
};

class StreamSource final : public ByteSource {
 public:
  explicit StreamSource(int fd) : fd_(fd) {}
  explicit StreamSource(Fd owned) : owned_(std::move(owned)), fd_(owned_.get()) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override {
    if (offset < position_)
      return fail(kStreamOrder, "a stream cannot go back from byte " + std::to_string(position_) + " to " + std::to_string(offset));
    std::array<std::byte, 16384> skipped;
    while (position_ < offset) {
      const auto step = std::min<std::uint64_t>(offset - position_, skipped.size());
      const auto count = TRY(read_full(fd_, std::span(skipped).first(static_cast<std::size_t>(step))));
      position_ += count;
      if (count < step) return std::size_t{0};
    }
    const auto count = TRY(read_full(fd_, buffer));
    position_ += count;
    return count;
  }
  bool any_order() const override { return false; }

 private:
  Fd owned_;
  int fd_;
  std::uint64_t position_ = 0;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_source(const std::string& path) {
  Fd fd = TRY(open_file(path, O_RDONLY));
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail(system_error("cannot examine", path, errno));
  if (S_ISDIR(status.st_mode)) return fail(kBadArgument, path + " is a folder; give a bundle file");
  if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) return std::make_unique<FileSource>(std::move(fd));
  return std::make_unique<StreamSource>(std::move(fd));
}

std::unique_ptr<ByteSource> stream_source(int fd) { return std::make_unique<StreamSource>(fd); }

}  // namespace aloft::bundle
