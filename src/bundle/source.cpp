#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

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
  StreamSource(int fd, StreamPatience patience) : fd_(fd), patience_(patience) {}
  explicit StreamSource(Fd owned) : owned_(std::move(owned)), fd_(owned_.get()) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override {
    if (offset < position_)
      return fail(kStreamOrder, "a stream cannot go back from byte " + std::to_string(position_) + " to " + std::to_string(offset));
    std::array<std::byte, 16384> skipped;
    while (position_ < offset) {
      const auto step = std::min<std::uint64_t>(offset - position_, skipped.size());
      if (TRY(read_on(std::span(skipped).first(static_cast<std::size_t>(step)))) < step) return std::size_t{0};
    }
    return read_on(buffer);
  }
  bool any_order() const override { return false; }

 private:
  // Fills the buffer, or as much as there is before the end.
  Result<std::size_t> read_on(MutableByteView buffer) {
    std::size_t done = 0;
    while (done < buffer.size()) {
      TRY(await_bytes());
      const ssize_t count = ::read(fd_, buffer.data() + done, buffer.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail(system_error("cannot read", "the stream", errno));
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
      position_ += static_cast<std::size_t>(count);
    }
    return done;
  }

  // A stream may stay silent without end: its sender hangs, or lies behind a dead link.
  Result<> await_bytes() const {
    const std::chrono::milliseconds limit = patience_.give_up_after.value_or(std::chrono::seconds(0));
    const int timeout = patience_.give_up_after ? static_cast<int>(std::min<std::int64_t>(limit.count(), INT_MAX)) : -1;
    std::array<pollfd, 2> awaited{{{fd_, POLLIN, 0}, {patience_.wake, POLLIN, 0}}};
    int ready = ::poll(awaited.data(), awaited.size(), timeout);
    while (ready < 0 && errno == EINTR) ready = ::poll(awaited.data(), awaited.size(), timeout);
    if (ready < 0) return fail(system_error("cannot wait for", "the stream", errno));
    if (awaited[1].revents != 0) return fail(kStreamGivenUp, "the stream is no longer wanted");
    if (ready > 0) return {};
    return fail(kStreamGivenUp, "nothing came for " + std::to_string(limit.count() / 1000) + " s; send the bundle again");
  }

  Fd owned_;
  int fd_;
  StreamPatience patience_;
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

std::unique_ptr<ByteSource> stream_source(int fd, StreamPatience patience) { return std::make_unique<StreamSource>(fd, patience); }

}  // namespace aloft::bundle
