#include "net/range_source.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

#include "net/errors.hpp"
#include "net/range_stream.hpp"

namespace aloft::net {

struct RangeSource::State {
  // A stream for every kInFlight-th run, with the run that it was last asked for.
  struct Lane {
    std::unique_ptr<RangeStream> stream;
    std::optional<std::size_t> run;
  };

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer);
  void plan(std::vector<ByteRun> planned);
  RangeStream& stream_of(std::size_t run);

  RemoteFile file;
  std::unique_ptr<RangeStream> first;  // of reads that are in no run
  std::vector<ByteRun> runs;
  std::array<Lane, kInFlight> lanes;
  std::mutex mutex;  // guards the pointers of lanes against cancel(), and:
  bool cancelled = false;
};

void RangeSource::State::plan(std::vector<ByteRun> planned) {
  const std::lock_guard lock(mutex);
  runs = std::move(planned);
  lanes = {};
  first->expect(kNoEnd);
  if (runs.empty() || !file.url.starts_with("http") || !file.ranges) return runs.clear();
  for (Lane& lane : lanes) {
    auto stream = RangeStream::create(file, file.options.ahead_bytes);
    if (!stream) return runs.clear();
    lane.stream = *std::move(stream);
    if (cancelled) lane.stream->cancel();
  }
}

Result<std::size_t> RangeSource::State::read_at(std::uint64_t offset, MutableByteView buffer) {
  if (!file.ranges && !runs.empty()) plan({});
  if (runs.empty()) return first->read_at(offset, buffer);
  const auto found = std::ranges::partition_point(runs, [offset](const ByteRun& run) { return run.end <= offset; });
  const std::uint64_t end = offset + buffer.size();
  if (found == runs.end() || offset < found->begin || end > found->end) {
    first->expect(end);
    return first->read_at(offset, buffer);
  }
  const auto run = static_cast<std::size_t>(found - runs.begin());
  RangeStream& stream = stream_of(run);
  for (std::size_t next = run + 1; next < std::min(run + kInFlight, runs.size()); ++next) stream_of(next).nudge();
  return stream.read_at(offset, buffer);
}

// Asked for it, if it was not yet.
RangeStream& RangeSource::State::stream_of(std::size_t run) {
  Lane& lane = lanes[run % kInFlight];
  if (lane.run != run) lane.stream->ask(runs[run].begin, runs[run].end);
  lane.run = run;
  return *lane.stream;
}

RangeSource::RangeSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
RangeSource::~RangeSource() = default;

Result<std::unique_ptr<RangeSource>> RangeSource::create(std::string url, RangeSourceOptions options, Clock& clock, Random& random) {
  const bool known = std::ranges::any_of(std::array{"http://", "https://", "ftp://", "ftps://", "sftp://"},
                                         [&](const char* scheme) { return url.starts_with(scheme); });
  if (!known) return fail(kBadUrl, without_secrets(url) + " is none of http, https, ftp, ftps and sftp");
  const std::uint32_t ahead_bytes = options.ahead_bytes;
  auto state =
      std::unique_ptr<State>(new State{.file = {.url = std::move(url), .options = std::move(options), .clock = clock, .random = random}});
  state->first = TRY(RangeStream::create(state->file, ahead_bytes));
  return std::unique_ptr<RangeSource>(new RangeSource(std::move(state)));
}

Result<std::size_t> RangeSource::read_at(std::uint64_t offset, MutableByteView buffer) { return state_->read_at(offset, buffer); }
void RangeSource::expect(std::uint64_t end) { state_->first->expect(end); }
void RangeSource::plan(std::vector<ByteRun> runs) { state_->plan(std::move(runs)); }
void RangeSource::cancel() {
  const std::lock_guard lock(state_->mutex);
  state_->cancelled = true;
  state_->first->cancel();
  for (const State::Lane& lane : state_->lanes)
    if (lane.stream) lane.stream->cancel();
}
std::optional<std::uint64_t> RangeSource::size_bytes() const { return state_->file.size_bytes; }
std::uint64_t RangeSource::requests() const { return state_->file.requests; }
std::uint64_t RangeSource::received_bytes() const { return std::atomic_ref(state_->file.received_bytes).load(); }

}  // namespace aloft::net
