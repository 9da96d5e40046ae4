#include "storage/installer.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/zeros.hpp"
#include "storage/aligned_buffer.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

constexpr std::uint64_t kMemoryBytes = 16ULL << 20;
constexpr std::uint64_t kTogether = 2;                // frames fetched, decoded, checked and written at once, unless they are large
constexpr std::uint64_t kReadBackBytes = 1ULL << 20;  // at once, but one frame at least: each read waits for the device
constexpr std::chrono::milliseconds kSettleAtLeastEvery{1000};
// Comparing with what is on the device costs a read. After so many misses in a row only each kSample-th frame is tried.
constexpr unsigned kPatience = 8;
constexpr std::uint64_t kSample = 16;
// Zeroing costs the device about the same whatever its length, so long runs of zeros are zeroed at once.
constexpr std::uint64_t kLongRun = 4;

// What one worker needs; allocated once.
struct Scratch {
  Scratch(std::size_t frame_bytes, std::uint64_t together, std::uint64_t present_frames)
      : stored(together), content(frame_bytes * together), present(frame_bytes * present_frames) {}
  // Frames of memory that one takes; the decoder's window is one.
  static std::uint64_t frames(std::uint64_t together, std::uint64_t present_frames) { return 2 * together + present_frames + 1; }
  bundle::FrameDecoder decoder;
  std::vector<Bytes> stored;
  AlignedBuffer content;
  AlignedBuffer present;
};

class Install {
 public:
  Install(bundle::Reader& reader, std::size_t index, BlockDevice& device, const InstallOptions& options)
      : reader_(reader),
        index_(index),
        image_(reader.manifest().images.at(index)),
        device_(device),
        options_(options),
        read_back_frames_(std::max<std::uint64_t>(1, kReadBackBytes / image_.frame_size_bytes)),
        together_(std::min(kTogether, read_back_frames_)),
        queue_(image_.frame_count(), options.fetching, together_, read_back_frames_),
        checksums_(image_.frame_count()) {
    const Bytes zeros(image_.frame_size_bytes);
    zero_ = crypto::sha256(zeros);
    last_zero_ = crypto::sha256(ByteView(zeros).first(content_bytes(image_.frame_count() - 1)));
  }

  Result<InstallStats> run();

 private:
  std::size_t content_bytes(std::uint64_t frame) const { return image_.frame_content_bytes(frame); }
  std::uint64_t offset(std::uint64_t frame) const { return frame * image_.frame_size_bytes; }
  std::size_t size_of(std::uint64_t first, std::uint64_t end) const { return offset(end - 1) + content_bytes(end - 1) - offset(first); }
  bool is_zero_frame(std::uint64_t frame) const { return image_.frames[frame] == (frame + 1 == image_.frame_count() ? last_zero_ : zero_); }
  bool is_right(std::uint64_t frame, ByteView content) const {
    return is_zero_frame(frame) ? is_zero(content) : crypto::sha256(content) == image_.frames[frame];
  }
  // What reads back is held against what was written, by a checksum: a device that fails is no adversary (docs/decisions/0006).
  static std::uint64_t checksum(ByteView content) { return XXH3_64bits(content.data(), content.size()); }
  // A sample would wait for a flush that is under way.
  bool worth_comparing(std::uint64_t frame) const {
    return frame < options_.likely_frames || misses_ < kPatience || (frame % kSample == 0 && !flushing_);
  }

  void work(Scratch& scratch);
  Result<> place(std::uint64_t first, std::uint64_t end, Scratch& scratch);
  Result<Placed> place_one(std::uint64_t frame, Scratch& scratch);
  Result<bool> make(std::uint64_t frame, MutableByteView content);
  Result<> fetch(std::uint64_t first, std::uint64_t end, Scratch& scratch);
  using Runs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // of frames: the first, and the one behind the last
  Runs set_long_runs_apart();
  Result<> zero(const Runs& runs);
  Result<> write_differing(std::uint64_t frame, ByteView content, ByteView present);
  Result<> write(std::uint64_t at, ByteView bytes);
  Result<> alone(const Runs& zero_runs);
  Result<> together(unsigned workers, const Runs& zero_runs);
  Result<> check(std::uint64_t first, std::uint64_t end, AlignedBuffer& buffer);
  Result<> perform(const Task& task, Scratch& scratch);
  Result<std::uint64_t> flush(std::uint64_t placed);
  void tell();
  std::uint64_t settle_frames() const {
    return options_.fetching == Fetching::after_flush ? 1 : std::max<std::uint64_t>(1, options_.settle_bytes / image_.frame_size_bytes);
  }

  bundle::Reader& reader_;
  const std::size_t index_;
  const bundle::Image& image_;
  BlockDevice& device_;
  const InstallOptions& options_;
  const std::uint64_t read_back_frames_;
  const std::uint64_t together_;
  FrameQueue queue_;
  std::vector<std::uint64_t> checksums_;  // of each frame written; a frame's worker sets its own before the frame counts as placed
  crypto::Digest zero_;
  crypto::Digest last_zero_;
  std::uint64_t told_ = 0;
  std::atomic<unsigned> misses_ = 0;
  std::atomic<bool> flushing_ = false;
  std::atomic<std::uint64_t> fetched_ = 0, made_ = 0, in_place_ = 0, zero_frames_ = 0, bytes_fetched_ = 0, bytes_written_ = 0;
};

// Into the content. Reading the source is the one step with an order, unless it is a file. The turn is passed on even after an error, or
// the others would wait for ever.
Result<> Install::fetch(std::uint64_t first, std::uint64_t end, Scratch& scratch) {
  const bool in_order = !reader_.any_order() || options_.fetching == Fetching::after_flush;
  if (in_order && !queue_.wait_for_source(first)) return fail(*queue_.error());
  const auto stored = std::span(scratch.stored).first(end - first);
  auto fetched = reader_.fetch_frames(index_, first, stored);
  for (std::uint64_t frame = first; frame < end; ++frame) queue_.leave_source(frame);
  TRY(std::move(fetched));
  fetched_ += stored.size();
  for (const Bytes& one : stored) bytes_fetched_ += one.size();
  const MutableByteView content = scratch.content.first(size_of(first, end));
  TRY(scratch.decoder.decode(image_, first, stored, content));
  return {};
}

// In order, as the maker wants it; the turn is kept for the bundle where nothing came of it.
Result<bool> Install::make(std::uint64_t frame, MutableByteView content) {
  if (options_.maker == nullptr) return false;
  if (!queue_.wait_for_source(frame)) return fail(*queue_.error());
  auto made = make_checked(*options_.maker, image_, frame, content);
  if (made && !*made) return false;
  queue_.leave_source(frame);
  if (made) ++made_;
  return made;
}

Result<> Install::write(std::uint64_t at, ByteView bytes) {
  bytes_written_ += bytes.size();
  return device_.write(at, bytes);
}

Install::Runs Install::set_long_runs_apart() {
  Runs runs;
  for (std::uint64_t frame = 0; frame < image_.frame_count(); ++frame) {
    std::uint64_t end = frame;
    while (end < image_.frame_count() && is_zero_frame(end)) ++end;
    if (end - frame >= kLongRun) {
      runs.push_back({frame, end});
      for (std::uint64_t zeros = frame; zeros < end; ++zeros) queue_.set_apart(zeros);
    }
    frame = std::max(frame, end);
  }
  return runs;
}

// And reads them back. The flush is for all that an earlier install left in the device's cache, too.
Result<> Install::zero(const Runs& runs) {
  for (const auto& [first, end] : runs) {
    TRY(device_.write_zeros(offset(first), std::min(offset(end), image_.size_bytes) - offset(first)));
  }
  TRY(device_.flush());
  AlignedBuffer present(image_.frame_size_bytes);
  for (const auto& [first, end] : runs) {
    for (std::uint64_t frame = first; frame < end && !queue_.error(); ++frame) {
      TRY(check(frame, frame + 1, present));
      ++zero_frames_;
    }
  }
  return {};
}

// Only the runs of 4 KiB blocks that differ: flash wears by what is written.
Result<> Install::write_differing(std::uint64_t frame, ByteView content, ByteView present) {
  std::size_t same_bytes = 0;
  std::size_t run = 0;  // where the run of differing blocks that is under way began
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t size = std::min<std::size_t>(bundle::kBlockBytes, content.size() - at);
    if (std::memcmp(content.data() + at, present.data() + at, size) == 0) {
      if (run < at) TRY(write(offset(frame) + run, content.subspan(run, at - run)));
      run = at + size;
      same_bytes += size;
    }
    at += size;
  }
  if (run < content.size()) TRY(write(offset(frame) + run, content.subspan(run)));
  if (same_bytes * 2 > content.size()) misses_ = 0;
  return {};
}

// Together where nothing but the bundle can say what each is, else one by one.
Result<> Install::place(std::uint64_t first, std::uint64_t end, Scratch& scratch) {
  bool plain = options_.maker == nullptr;
  for (std::uint64_t frame = first; frame < end; ++frame) plain = plain && !is_zero_frame(frame) && !worth_comparing(frame);
  if (!plain) {
    for (std::uint64_t frame = first; frame < end; ++frame) queue_.place(frame, TRY(place_one(frame, scratch)));
    return {};
  }
  TRY(fetch(first, end, scratch));
  const ByteView content = ByteView(scratch.content.first(size_of(first, end)));
  for (std::uint64_t frame = first; frame < end; ++frame) {
    checksums_[frame] = checksum(content.subspan(offset(frame) - offset(first), content_bytes(frame)));
  }
  TRY(write(offset(first), content));
  for (std::uint64_t frame = first; frame < end; ++frame) queue_.place(frame, Placed::written);
  return {};
}

Result<Placed> Install::place_one(std::uint64_t frame, Scratch& scratch) {
  const std::size_t size = content_bytes(frame);
  const bool compare = worth_comparing(frame);
  const MutableByteView present = scratch.present.first(size);
  if (compare) {
    TRY(device_.read(offset(frame), present));
    if (is_right(frame, present)) {
      queue_.leave_source(frame);
      misses_ = 0;
      ++in_place_;
      return Placed::in_place;
    }
    ++misses_;
  }
  if (is_zero_frame(frame)) {
    queue_.leave_source(frame);
    ++zero_frames_;
    std::ranges::fill(present, std::byte{0});
    TRY(write(offset(frame), present));
    return Placed::written;
  }
  const MutableByteView content = scratch.content.first(size);
  if (!TRY(make(frame, content))) TRY(fetch(frame, frame + 1, scratch));
  checksums_[frame] = checksum(content);
  if (compare) {
    TRY(write_differing(frame, content, present));
  } else {
    TRY(write(offset(frame), content));
  }
  return Placed::written;
}

// What is on the device after a flush is what was signed, checked and written.
Result<> Install::check(std::uint64_t first, std::uint64_t end, AlignedBuffer& buffer) {
  const MutableByteView present = buffer.first(size_of(first, end));
  TRY(device_.read(offset(first), present));
  for (std::uint64_t frame = first; frame < end; ++frame) {
    const ByteView content = ByteView(present).subspan(offset(frame) - offset(first), content_bytes(frame));
    if (is_zero_frame(frame) ? is_zero(content) : checksum(content) == checksums_[frame]) {
      queue_.settle(frame);
      continue;
    }
    return fail(kReadBack, "frame " + std::to_string(frame) + " of image '" + image_.name +
                               "' reads back differently than it was written; the slot's device may be failing");
  }
  return {};
}

Result<> Install::perform(const Task& task, Scratch& scratch) {
  if (task.kind == Task::Kind::check) {
    TRY(check(task.frame, task.end, scratch.present));
  } else {
    TRY(place(task.frame, task.end, scratch));
  }
  return {};
}

void Install::work(Scratch& scratch) {
  while (const auto task = queue_.take()) {
    if (auto done = perform(*task, scratch); !done) queue_.fail(std::move(done).error());
  }
}

Result<std::uint64_t> Install::flush(std::uint64_t placed) {
  flushing_ = true;
  auto flushed = device_.flush();
  flushing_ = false;
  TRY(std::move(flushed));
  queue_.flushed(placed);
  return placed;
}

void Install::tell() {
  const std::uint64_t settled = queue_.settled();
  if (options_.settled && settled > told_) options_.settled(settled);
  told_ = settled;
}

// Everything on this thread, in a fixed order: place some frames, flush, read them back, and so on.
Result<> Install::alone(const Runs& zero_runs) {
  TRY(zero(zero_runs));
  Scratch scratch(image_.frame_size_bytes, together_, read_back_frames_);
  std::uint64_t flushed = 0;
  auto last_flush = std::chrono::steady_clock::now();
  while (const auto task = queue_.take()) {
    TRY(perform(*task, scratch));
    tell();
    if (task->kind == Task::Kind::check) continue;
    const std::uint64_t placed = queue_.wait_placed(0, {});
    const bool slow = std::chrono::steady_clock::now() - last_flush > kSettleAtLeastEvery;
    if (!slow && placed < image_.frame_count() && placed - flushed < settle_frames()) continue;
    flushed = TRY(flush(placed));
    last_flush = std::chrono::steady_clock::now();
    tell();
  }
  return {};
}

// The workers place frames and read them back; this thread sees to long runs of zeros, then flushes.
Result<> Install::together(unsigned workers, const Runs& zero_runs) {
  std::vector<std::unique_ptr<Scratch>> scratches;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < workers; ++i) {
    scratches.push_back(std::make_unique<Scratch>(image_.frame_size_bytes, together_, read_back_frames_));
    threads.emplace_back([this, &scratch = *scratches.back()] { work(scratch); });
  }
  if (auto zeroed = zero(zero_runs); !zeroed) queue_.fail(std::move(zeroed).error());
  std::uint64_t flushed = 0;
  while (flushed < image_.frame_count() && !queue_.error()) {
    const std::uint64_t placed = queue_.wait_placed(std::min(flushed + settle_frames(), image_.frame_count()), kSettleAtLeastEvery);
    if (placed > flushed && !queue_.error()) {
      auto done = flush(placed);
      if (!done) queue_.fail(std::move(done).error());
      flushed = placed;
    }
    tell();
  }
  queue_.wait_settled();
  return {};
}

Result<InstallStats> Install::run() {
  if (device_.size_bytes() < image_.size_bytes) {
    return fail(kOutsideDevice, "image '" + image_.name + "' has " + std::to_string(image_.size_bytes) + " bytes, its slot " +
                                    std::to_string(device_.size_bytes()));
  }
  const Runs zero_runs = set_long_runs_apart();
  const std::uint64_t affordable =
      std::max<std::uint64_t>(1, kMemoryBytes / (Scratch::frames(together_, read_back_frames_) * image_.frame_size_bytes));
  const auto workers = static_cast<unsigned>(std::min<std::uint64_t>({options_.workers, affordable, image_.frame_count()}));
  const std::stop_callback on_stop(options_.stop, [this] { queue_.fail(Error{kCancelled, "the install was stopped on request"}); });
  TRY(workers <= 1 ? alone(zero_runs) : together(workers, zero_runs));
  if (auto error = queue_.error()) return fail(*std::move(error));
  tell();
  return InstallStats{image_.frame_count(), fetched_, made_, in_place_, zero_frames_, bytes_fetched_, bytes_written_};
}

}  // namespace

Result<bool> make_checked(FrameMaker& maker, const bundle::Image& image, std::uint64_t frame, MutableByteView content) {
  if (!TRY(maker.make(frame, content))) return false;
  const bool right = crypto::sha256(content) == image.frames[frame];
  maker.checked(right);
  return right;
}

Result<InstallStats> install_image(bundle::Reader& reader, std::size_t image, BlockDevice& device, const InstallOptions& options) {
  return Install(reader, image, device, options).run();
}

}  // namespace aloft::storage
