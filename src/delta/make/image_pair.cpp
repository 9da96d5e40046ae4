#include "delta/make/image_pair.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>

#include "delta/make/file_cuts.hpp"
#include "delta/make/frame_maker.hpp"
#include "delta/make/processor.hpp"
#include "delta/make/streams.hpp"

namespace aloft::delta {
namespace {

constexpr std::size_t kBatchPerThread = 16;
constexpr std::size_t kHashStep = 1 << 20;

// Hands out the frames of a batch to threads; the records come back in order.
class Batch {
 public:
  Batch(const PairView& pair, std::uint64_t frame_bytes, unsigned threads) : made_(threads * kBatchPerThread) {
    for (unsigned i = 0; i < threads; ++i) makers_.push_back(std::make_unique<FrameMaker>(pair, frame_bytes));
  }
  std::size_t capacity() const { return made_.size(); }

  Result<> make(const ImagePlan& plan, std::uint64_t first, std::size_t count) {
    std::vector<Result<>> outcomes(makers_.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&](std::size_t mine) {
      for (std::size_t i = next++; i < count && outcomes[mine]; i = next++)
        outcomes[mine] =
            makers_[mine]->make((first + i) * plan.frame_bytes(), plan.content_bytes(first + i), FrameOps::Start::carried, made_[i]);
    };
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < makers_.size(); ++i) others.emplace_back(work, i);
      work(0);
    }
    for (auto& outcome : outcomes) TRY(std::move(outcome));
    return {};
  }
  // Once more, when no frame before hands on the block that this one begins in.
  Result<> make_afresh(const ImagePlan& plan, std::uint64_t frame, std::size_t i) {
    return makers_[0]->make(frame * plan.frame_bytes(), plan.content_bytes(frame), FrameOps::Start::afresh, made_[i]);
  }
  MadeRecord& made(std::size_t i) { return made_[i]; }

 private:
  std::vector<std::unique_ptr<FrameMaker>> makers_;
  std::vector<MadeRecord> made_;
};

Digest digest_of(const MappedFile& file) {
  crypto::Sha256 hash;
  const ByteView bytes = file.bytes();
  for (std::size_t at = 0; at < bytes.size(); at += kHashStep) {
    hash.update(bytes.subspan(at, std::min(kHashStep, bytes.size() - at)));
    if (at % kRelaxEvery == 0) file.relax();
  }
  file.relax();
  return hash.finish();
}

// Makes all records of an image, in order.
Result<> make_all(const PairView& pair, unsigned threads, const OtherRecord& other, const TakeRecord& take, const Pace& pace,
                  ImagePlan& plan) {
  Batch batch(pair, plan.frame_bytes(), threads);
  bool handed_on = false;  // the frame before does hand on what it was made to
  for (std::uint64_t first = 0; first < plan.frame_count();) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(batch.capacity(), plan.frame_count() - first));
    TRY(batch.make(plan, first, count));
    for (std::size_t i = 0; i < count; ++i) {
      MadeRecord& made = batch.made(i);
      if (!handed_on && frames_back(made.record.front()) > 0) TRY(batch.make_afresh(plan, first + i, i));
      handed_on = made.hands_on;
      Bytes another;
      if (other && TRY(other(first + i, made.record.size(), another))) {
        made.record.swap(another);
        handed_on = false;
      }
      plan.modelled = plan.modelled || is_modelled(made.record.front());
      plan.record_bytes.push_back(static_cast<std::uint32_t>(made.record.size()));
      TRY(take(first + i, made.record));
    }
    first += count;
    pace(plan.target_bytes / 2 + std::min(plan.target_bytes, first * plan.frame_bytes()) / 2);
  }
  return {};
}

// The cuts of the new image's streams, one element for each; none, and then no stream in either layout, where it is of no use: without
// streams of the old image that the new one does not have.
std::vector<StreamCuts> cut_streams(const MappedFile& source, Layout& source_layout, const MappedFile& target, Layout& target_layout,
                                    unsigned threads) {
  drop_common(source.bytes(), source_layout.streams, target.bytes(), target_layout.streams);
  std::vector<StreamCuts> cuts(target_layout.streams.size());
  if (source_layout.streams.empty()) cuts.clear();
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    FileCutter files;
    for (std::size_t i = next++; i < cuts.size(); i = next++) {
      const Stream& stream = target_layout.streams[i];
      const ByteView packed = target.bytes().subspan(stream.offset, stream.packed_bytes);
      const Bytes content = content_of(target.bytes(), stream);
      cuts[i] = is_file(stream.compressor) ? files.cut(stream.compressor, packed, content) : cut_stream(stream.compressor, packed, content);
    }
  };
  {
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < threads; ++i) others.emplace_back(work);
    work();
  }
  if (std::ranges::all_of(cuts, [](const StreamCuts& one) { return one.cuts.empty(); })) {
    cuts.clear();
    source_layout.streams.clear();
    target_layout.streams.clear();
  }
  return cuts;
}

std::vector<Run> stream_runs(const Expanded& image) {
  std::vector<Run> runs;
  for (const Segment& segment : image.segments()) {
    if (!segment.is_block || !is_stream(segment.compressor)) continue;
    if (!runs.empty() && runs.back().end == segment.place) {
      runs.back().end = segment.place_end();
    } else {
      runs.push_back({segment.place, segment.place_end()});
    }
  }
  return runs;
}

}  // namespace

Result<PairReport> make_records(const MappedFile& source, const MappedFile& target, const PairOptions& options, const OtherRecord& other,
                                const TakeRecord& take, const Pace& pace, ImagePlan& plan) {
  plan.source_bytes = source.bytes().size();
  plan.target_bytes = target.bytes().size();
  plan.source_sha256 = digest_of(source);
  plan.target_sha256 = digest_of(target);
  plan.record_bytes.clear();
  plan.modelled = false;
  const unsigned threads = std::clamp(options.threads == 0 ? std::thread::hardware_concurrency() : options.threads, 1U, 64U);
  PairReport report;
  Layout target_layout = take_apart(target.bytes(), report.why_not);
  target.relax();
  Layout source_layout =
      target_layout.blocks.empty() && target_layout.streams.empty() ? Layout() : take_apart(source.bytes(), report.why_not);
  source.relax();
  const std::vector<StreamCuts> cuts = cut_streams(source, source_layout, target, target_layout, threads);
  const Expanded old_image = TRY(Expanded::create(source, source_layout, options.folder));
  old_image.relax();
  const Expanded new_image = TRY(Expanded::create(target, target_layout, options.folder, cuts));
  old_image.relax();
  new_image.relax();
  const BlockPlan blocks = cuts.empty() ? plan_blocks(old_image, source_layout, new_image, target_layout, threads)
                                        : plan_streams(source_layout, new_image, target_layout, cuts);
  plan.codings = blocks.codings;
  const Pace relax = [&](std::uint64_t done) {
    old_image.relax();
    new_image.relax();
    if (pace) pace(done);
  };
  const std::uint64_t expanded_bytes = std::max<std::uint64_t>(1, new_image.bytes().size());
  const Covers covers = match_images(old_image.bytes(), new_image.bytes(), options.limits,
                                     [&](std::uint64_t done) {
                                       relax(static_cast<std::uint64_t>(static_cast<double>(done) / static_cast<double>(expanded_bytes) *
                                                                        static_cast<double>(plan.target_bytes) / 2));
                                     },
                                     {.source = stream_runs(old_image), .target = stream_runs(new_image)});
  const PairView pair{old_image, new_image, blocks, covers, processor_of(new_image.bytes(), [&] { new_image.relax(); })};
  TRY(make_all(pair, threads, other, take, relax, plan));
  plan.processor = plan.modelled ? pair.processor : Processor::x86;
  report.file_system = target_layout.file_system;
  report.blocks_copied = blocks.copied;
  report.blocks_remade = blocks.remade;
  report.blocks_stored = blocks.stored;
  return report;
}

}  // namespace aloft::delta
