#include "storage/module_download.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "storage/archive_reader.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr milliseconds kPoll{20};
constexpr milliseconds kWritePoll{250};
constexpr std::uint64_t kMaxHeaderBytes = 1U << 20;
constexpr std::string_view kHeader = "header/";

class Download {
 public:
  Download(ByteQueue& stream, const Module& module) : reader_(stream), module_(module), tree_(module.spec().tree) {}
  Result<> run();

 private:
  enum class Way : std::uint8_t { undecided, streams, files };
  Result<> member(archive_entry* found);
  Result<> begin();
  Result<Fd> open_sink(const std::string& name);
  Result<std::optional<Fd>> open_pipe(const fs::path& pipe);
  Result<> offer(std::string_view line);
  Result<> copy(const Fd& sink, std::uint64_t size);
  Result<> write(const Fd& sink, ByteView bytes);
  std::unexpected<Error> ended_early();
  Result<> finish();

  ArchiveReader reader_;
  const Module& module_;
  const fs::path& tree_;
  std::optional<Child> child_;
  Way way_ = Way::undecided;
};

std::unexpected<Error> bad_member(const std::string& path, const std::string& why) {
  return fail(kTreeEntry, "the payload's member '" + path + "' " + why);
}

std::unexpected<Error> Download::ended_early() {
  const ProcessEnd end = child_->wait(module_.spec().timeout);
  child_.reset();
  const std::string why = last_line(end.output);
  return fail(kModule, module_.spec().module.filename().string() + " Download ended with status " + std::to_string(end.exit_status) +
                           " before it had read everything" + (why.empty() ? "" : ": " + why));
}

// Opens a pipe once the module reads from it; nothing when the module ends instead.
Result<std::optional<Fd>> Download::open_pipe(const fs::path& pipe) {
  const auto deadline = std::chrono::steady_clock::now() + module_.spec().timeout;
  for (;;) {
    Fd fd(::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (fd) return std::optional<Fd>(std::move(fd));
    if (errno != ENXIO) return fail(system_error("opening", pipe, errno));
    if (child_->has_ended(kPoll)) return std::optional<Fd>();
    if (std::chrono::steady_clock::now() > deadline) return fail(kModule, "the module does not read from " + pipe.string());
  }
}

Result<> Download::write(const Fd& sink, ByteView bytes) {
  const auto deadline = std::chrono::steady_clock::now() + module_.spec().timeout;
  while (!bytes.empty()) {
    pollfd ready{sink.get(), POLLOUT, 0};
    ::poll(&ready, 1, static_cast<int>(kWritePoll.count()));
    if ((ready.revents & POLLERR) != 0 || (way_ == Way::streams && child_->has_ended(milliseconds::zero()))) return ended_early();
    if (std::chrono::steady_clock::now() > deadline) return fail(kModule, "the module does not read the payload");
    if ((ready.revents & POLLOUT) == 0) continue;
    const ssize_t count = write_quietly(sink.get(), bytes);
    if (count < 0 && errno == EPIPE) return ended_early();
    if (count < 0 && errno != EAGAIN && errno != EINTR) return fail(system_error("writing the payload to", tree_, errno));
    if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

// One line through stream-next; an empty one says that nothing follows.
Result<> Download::offer(std::string_view line) {
  auto pipe = TRY(open_pipe(tree_ / "stream-next"));
  if (!pipe) return line.empty() ? Result<>() : ended_early();
  return write(*pipe, as_bytes(line));
}

// Starts the module, and waits for what it decides: to read streams, or to leave the storing to us.
Result<> Download::begin() {
  if (::mkfifo((tree_ / "stream-next").c_str(), 0600) != 0) return fail(system_error("making", tree_ / "stream-next", errno));
  ChildSpec child{.argv = {module_.spec().module.string(), "Download", tree_.string()}, .folder = tree_};
  auto started = TRY(Child::start(std::move(child)));
  child_.emplace(std::move(started));
  return {};
}

Result<Fd> Download::open_sink(const std::string& name) {
  if (!child_ && way_ == Way::undecided) TRY(begin());
  const std::string stream = "streams/" + name;
  if (way_ != Way::files) {
    if (::mkfifo((tree_ / stream).c_str(), 0600) != 0) return fail(system_error("making", tree_ / stream, errno));
    auto pipe = TRY(open_pipe(tree_ / "stream-next"));
    if (pipe) {
      way_ = Way::streams;
      const std::string line = stream + "\n";
      TRY(write(*pipe, as_bytes(line)));
      pipe.reset();
      auto sink = TRY(open_pipe(tree_ / stream));
      if (!sink) return ended_early();
      return *std::move(sink);
    }
    const ProcessEnd end = child_->wait(module_.spec().timeout);
    child_.reset();
    if (way_ == Way::streams || end.exit_status != 0)
      return fail(kModule, module_.spec().module.filename().string() + " Download ended with status " + std::to_string(end.exit_status) +
                               ": " + last_line(end.output));
    way_ = Way::files;
    std::error_code problem;
    fs::create_directories(tree_ / "files", problem);
    if (problem) return fail(system_error("making", tree_ / "files", problem.value()));
    for (const char* left : {"stream-next", "streams"}) fs::remove_all(tree_ / left, problem);
  }
  return open_file(tree_ / "files" / name, O_WRONLY | O_CREAT | O_EXCL, 0600);
}

Result<> Download::copy(const Fd& sink, std::uint64_t size) {
  const Bytes zeros(64U << 10);
  std::uint64_t written = 0;
  const auto fill = [&](std::uint64_t until) -> Result<> {
    while (written < until) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(until - written, zeros.size()));
      TRY(write(sink, ByteView(zeros).first(count)));
      written += count;
    }
    return {};
  };
  while (const auto piece = TRY(reader_.piece())) {
    TRY(fill(piece->offset));
    TRY(write(sink, piece->bytes));
    written += piece->bytes.size();
  }
  TRY(fill(size));
  if (way_ == Way::files && ::fsync(sink.get()) != 0) return fail(system_error("flushing a file of", tree_, errno));
  return {};
}

Result<> Download::member(archive_entry* found) {
  const char* raw = ::archive_entry_pathname(found);
  std::string path = raw != nullptr ? raw : "";
  if (path.starts_with("./")) path.erase(0, 2);
  const mode_t mode = ::archive_entry_mode(found);
  if (S_ISDIR(mode)) return {};
  const bool header = path.starts_with(kHeader);
  const std::string name = header ? path.substr(kHeader.size()) : path;
  if (!S_ISREG(mode) || ::archive_entry_hardlink(found) != nullptr) return bad_member(path, "is no plain file");
  if (name.empty() || name.size() > 200 || name.find('/') != std::string::npos || name == "." || name == "..")
    return bad_member(path, "must have a plain name, or header/ and a plain name");
  const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(0, ::archive_entry_size(found)));
  if (header) {
    if (way_ != Way::undecided || child_) return bad_member(path, "comes too late: header files are the first of the payload");
    if (size > kMaxHeaderBytes) return bad_member(path, "is too large for a header file");
    return copy(TRY(open_file(tree_ / "header" / name, O_WRONLY | O_CREAT | O_TRUNC, 0600)), size);
  }
  return copy(TRY(open_sink(name)), size);
}

Result<> Download::finish() {
  if (way_ == Way::undecided) TRY(begin());  // a payload without files
  if (!child_) return {};
  TRY(offer(""));
  const ProcessEnd end = child_->wait(module_.spec().timeout);
  child_.reset();
  if (!end.timed_out && end.exit_status == 0) return {};
  return fail(kModule, module_.spec().module.filename().string() + " Download ended with status " + std::to_string(end.exit_status) + ": " +
                           last_line(end.output));
}

Result<> Download::run() {
  while (archive_entry* found = TRY(reader_.next())) TRY(member(found));
  return finish();
}

}  // namespace

Result<> download_to_module(ByteQueue& stream, const Module& module) { return Download(stream, module).run(); }

}  // namespace aloft::storage
