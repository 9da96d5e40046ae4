#include "agent/bundle_opener.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "agent/delta_source.hpp"
#include "agent/errors.hpp"
#include "agent/tree_files.hpp"
#include "base/log.hpp"
#include "delta/file_view.hpp"
#include "net/http_client.hpp"

namespace aloft::agent {
namespace {

constexpr std::array<std::string_view, 5> kSchemes{"http://", "https://", "ftp://", "ftps://", "sftp://"};
constexpr std::string_view kPipePrefix = "pipe:";

mode_t kind_of(const Fd& fd) {
  struct stat status{};
  return ::fstat(fd.get(), &status) == 0 ? status.st_mode : 0;
}

bool is_seekable(mode_t kind) { return S_ISREG(kind) || S_ISBLK(kind); }

std::unexpected<Error> is_folder(const std::string& path) {
  return fail(kBadUri, path + " is a folder; give a bundle: a file, a block device, a pipe, or an http, https, ftp or sftp address");
}

}  // namespace

// Declared in the order in which they are needed: the reader reads from the source, which may read from the descriptor.
class SourceOpener::Open final : public OpenBundle {
 public:
  explicit Open(SourceOpener& opener) : opener_(opener) {}
  ~Open() override {
    const std::lock_guard lock(opener_.mutex_);
    opener_.network_.clear();
    opener_.pipe_wake_ = Fd();
  }
  bundle::Reader& reader() override { return *reader_; }
  bool is_remote() const override { return remote_; }
  ByteSource* file() override { return remote_ && overlay_ == nullptr ? bytes_.get() : nullptr; }
  std::uint64_t fetched_bytes() const override { return opener_.fetched_bytes(); }
  std::optional<std::uint64_t> delta_bytes(std::size_t image) const override {
    if (!patch_ || !delta_serves(*patch_, reader_->manifest(), image)) return std::nullopt;
    std::uint64_t sum = 0;
    for (const std::uint32_t record : patch_->images()[image].record_bytes) sum += record;
    return sum;
  }
  bool has_delta() const override { return patch_.has_value(); }
  std::unique_ptr<storage::FrameMaker> by_delta(std::size_t image, std::unique_ptr<ByteSource> old) override {
    if (!patch_ || !delta_serves(*patch_, reader_->manifest(), image)) return nullptr;
    if (old->descriptor() < 0 || starts_from_tree(image)) return nullptr;
    return frames(image, std::move(old));
  }
  bool starts_from_tree(std::size_t image) const override {
    return patch_ && image < patch_->images().size() && patch_->images()[image].is_of_tree();
  }
  std::unique_ptr<storage::FrameMaker> by_delta_of_tree(std::size_t image, Fd tree) override {
    if (!starts_from_tree(image) || !delta_serves(*patch_, reader_->manifest(), image)) return nullptr;
    const delta::ImagePlan& plan = patch_->images()[image];
    auto read = [files = std::make_shared<TreeFiles>(std::move(tree))](const delta::FileRun& run, std::uint64_t at, MutableByteView out) {
      return files->read(run.path, run.file_offset + at, out);
    };
    return frames(image, std::make_unique<delta::FileView>(plan.files, plan.source_bytes, std::move(read)));
  }
  std::unique_ptr<storage::FrameMaker> frames(std::size_t image, std::unique_ptr<ByteSource> old) {
    return std::make_unique<DeltaFrames>(*patch_, image, std::move(old), opener_.rebuild_,
                                         [this, image](std::uint64_t frame) { return may_leave(image, frame); });
  }

  // The delta is given up in the middle: what that costs is known before it costs anything.
  Result<> may_leave(std::size_t image, std::uint64_t frame) {
    const auto& stored = reader_->manifest().images[image].stored;
    std::uint64_t rest = 0;
    for (std::uint64_t at = frame; at < stored.size(); ++at) rest += stored[at].size_bytes;
    if (rest > overlay_->left_bytes())
      return fail(kFallbackLimit, "the delta does not serve, and the " + std::to_string(rest) +
                                      " bytes that are left would come from the full bundle, more than download.delta_fallback_kib allows; "
                                      "make a delta for what runs here, or raise it");
    return remote_ ? opener_.may_fetch(rest) : Result<>();
  }

  SourceOpener& opener_;
  DeltaOverlay* overlay_ = nullptr;  // bytes_, with a delta
  Fd descriptor_;
  std::unique_ptr<ByteSource> delta_bytes_;
  std::optional<delta::Patch> patch_;
  bool remote_ = false;
  std::unique_ptr<bundle::ByteSource> bytes_;
  std::optional<bundle::Reader> reader_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

// A network source that ends before it costs more than it may.
class SourceOpener::Limited final : public ByteSource {
 public:
  Limited(SourceOpener& opener, std::unique_ptr<net::RangeSource> source) : opener_(opener), source_(std::move(source)) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override {
    TRY(opener_.may_fetch(buffer.size()));
    return source_->read_at(offset, buffer);
  }
  bool any_order() const override { return source_->any_order(); }
  void expect(std::uint64_t end) override { source_->expect(end); }
  void plan(std::vector<ByteRun> runs) override { source_->plan(std::move(runs)); }

 private:
  SourceOpener& opener_;
  std::unique_ptr<net::RangeSource> source_;
};

std::uint64_t SourceOpener::fetched_bytes() {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const net::RangeSource* source : network_) sum += source->received_bytes();
  return sum;
}

void SourceOpener::limit_fetching(std::uint64_t most_bytes, const std::string& why) {
  const std::lock_guard lock(mutex_);
  most_bytes_ = most_bytes;
  limit_why_ = why;
}

Result<> SourceOpener::may_fetch(std::uint64_t bytes) {
  const std::uint64_t fetched = fetched_bytes();
  const std::lock_guard lock(mutex_);
  if (bytes <= most_bytes_ - std::min(most_bytes_, fetched)) return {};
  return fail(kOverBudget, "after " + std::to_string(fetched) + " bytes another " + std::to_string(bytes) + " would be more than " +
                               limit_why_ + " allows; allow more, or bring the bundle by hand");
}

SourceOpener::SourceOpener(const Config& config, ServerStanding* server, Clock& clock, Random& random)
    : config_(config), server_(server), clock_(clock), random_(random) {}

SourceOpener::~SourceOpener() = default;

Result<std::string> SourceOpener::attach(const std::string& uri, Fd descriptor) {
  const mode_t kind = kind_of(descriptor);
  if (S_ISDIR(kind)) return is_folder(uri);
  const bool seekable = is_seekable(kind);
  const std::lock_guard lock(mutex_);
  const std::string source = seekable ? uri : std::string(kPipePrefix) + std::to_string(++pipes_);
  attached_.clear();  // one update at a time: an older one is no longer wanted
  attached_[seekable ? split_source(source).bundle : source] = std::move(descriptor);
  return source;
}

void SourceOpener::detach() {
  const std::lock_guard lock(mutex_);
  attached_.clear();
}

void SourceOpener::interrupt() {
  const std::lock_guard lock(mutex_);
  for (net::RangeSource* source : network_) source->cancel();
  if (pipe_wake_) ::eventfd_write(pipe_wake_.get(), 1);
}

// A stop that was asked for before there was anything to interrupt.
void SourceOpener::interrupt_if_stopped() {
  if (stop_.stop_requested()) interrupt();
}

Result<std::unique_ptr<bundle::ByteSource>> SourceOpener::open_bytes(const std::string& source, Open& bundle) {
  if (std::ranges::any_of(kSchemes, [&](std::string_view scheme) { return source.starts_with(scheme); })) {
    net::RangeSourceOptions options;
    options.known_hosts = config_.download.known_hosts;
    options.ssh_key = config_.download.ssh_key;
    options.give_up_after = config_.download.give_up;
    options.ahead_bytes = config_.download.ahead_kib << 10;
    if (!config_.download.ca_file.empty()) options.tls.trust = net::CaFile{config_.download.ca_file};
    if (server_ != nullptr && server_->owns(source)) {
      options.tls = TRY(server_->tls());
      options.headers = [server = server_](net::Credentials credentials) { return server->authorization(credentials); };
    }
    auto network = TRY(net::RangeSource::create(source, std::move(options), clock_, random_));
    {
      const std::lock_guard lock(mutex_);
      network_.push_back(network.get());
    }
    interrupt_if_stopped();
    bundle.remote_ = true;
    return std::make_unique<Limited>(*this, std::move(network));
  }
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = attached_.find(source); found != attached_.end()) {
      const bool once = source.starts_with(kPipePrefix);
      bundle.descriptor_ = once ? std::move(found->second) : Fd(::fcntl(found->second.get(), F_DUPFD_CLOEXEC, 0));
      if (once) attached_.erase(found);
    }
  }
  if (bundle.descriptor_ && source.starts_with(kPipePrefix)) return open_pipe(bundle.descriptor_.get());
  // The descriptor of a file, by the name that keeps it: the client may have seen it in a mount or root of its own.
  if (bundle.descriptor_) return bundle::open_source("/proc/self/fd/" + std::to_string(bundle.descriptor_.get()));
  if (source.starts_with(kPipePrefix)) return fail(kBadUri, "the pipe that the bundle came from is gone; send it again");
  if (!source.starts_with('/'))
    return fail(kBadUri, "\"" + net::without_secrets(source) + "\" is neither an absolute path nor an http, https, ftp or sftp address");
  return open_path(source, bundle);
}

// A pipe by its name waits for whoever writes to it, no longer than one that was attached.
Result<std::unique_ptr<bundle::ByteSource>> SourceOpener::open_path(const std::string& path, Open& bundle) {
  Fd fd = TRY(open_file(path, O_RDONLY | O_NONBLOCK));
  const mode_t kind = kind_of(fd);
  if (S_ISDIR(kind)) return is_folder(path);
  if (is_seekable(kind)) return bundle::open_source(path);
  if (::fcntl(fd.get(), F_SETFL, O_RDONLY) != 0) return fail(system_error("cannot read", path, errno));
  bundle.descriptor_ = std::move(fd);
  return open_pipe(bundle.descriptor_.get());
}

Result<std::unique_ptr<bundle::ByteSource>> SourceOpener::open_pipe(int descriptor) {
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail(system_error("cannot make", "an event descriptor", errno));
  const int wake_number = wake.get();
  {
    const std::lock_guard lock(mutex_);
    pipe_wake_ = std::move(wake);
  }
  interrupt_if_stopped();
  return bundle::stream_source(descriptor, {.give_up_after = config_.download.give_up, .wake = wake_number});
}

// The full bundle is opened only when the delta leaves something to be wanted.
Result<> SourceOpener::open_delta(const std::string& full, const std::string& delta, Open& bundle) {
  bundle.delta_bytes_ = TRY(open_bytes(delta, bundle));
  const auto unpacking = TRY(start_unpacking(rebuild_, 0));
  delta::Patch patch =
      TRY(delta::Patch::open(*bundle.delta_bytes_, delta::PatchUse::apply, [&](ByteView packed, std::uint64_t limit_bytes, Bytes& content) {
        return unpacking->unpack(packed, limit_bytes, content);
      }));
  const std::uint64_t limit = config_.download.delta_fallback_kib == 0 ? UINT64_MAX : config_.download.delta_fallback_kib * 1024ULL;
  const bool local = full.starts_with('/');
  auto overlay = TRY(DeltaOverlay::create(patch, [this, full, &bundle] { return open_bytes(full, bundle); }, limit, local));
  bundle.overlay_ = overlay.get();
  bundle.bytes_ = std::move(overlay);
  bundle.patch_ = std::move(patch);
  return {};
}

Result<> SourceOpener::open_reader(const std::string& source, Open& bundle) {
  const auto trust = TRY(crypto::TrustStore::load(config_.trust_dir));
  const SourceParts parts = split_source(source);
  bool full = parts.delta.empty() || !config_.download.delta;
  if (!full) {
    auto opened = open_delta(parts.bundle, parts.delta, bundle);
    const bool final = !opened && (opened.error().code.kind == ErrorKind::reject || opened.error().code.kind == ErrorKind::ask);
    if (!opened && (!final || is_for_later(opened.error()))) return opened;
    full = !opened;
    if (full) log::warning("delta: " + opened.error().text() + "; the full bundle is taken instead");
  }
  if (full && !parts.delta.empty() && config_.download.delta && config_.download.delta_fallback_kib != 0)
    return fail(kFallbackLimit, "there is no delta that serves, and download.delta_fallback_kib does not allow the full bundle");
  if (full) bundle.bytes_ = TRY(open_bytes(parts.bundle, bundle));
  bundle.reader_ = TRY(bundle::Reader::open(*bundle.bytes_, trust, clock_.now()));
  return {};
}

Result<std::unique_ptr<OpenBundle>> SourceOpener::open(const std::string& source) {
  auto bundle = std::make_unique<Open>(*this);
  bundle->on_stop_.emplace(stop_, [this] { interrupt(); });
  TRY(open_reader(source, *bundle));
  return bundle;
}

}  // namespace aloft::agent
