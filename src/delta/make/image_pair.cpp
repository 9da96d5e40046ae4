#include "delta/make/image_pair.hpp"

#include <algorithm>
#include <thread>

#include "delta/make/frame_maker.hpp"

namespace aloft::delta {
namespace {

constexpr std::size_t kBatchPerThread = 16;
constexpr std::uint64_t kRelaxEvery = 64ULL << 20;
constexpr std::size_t kHashStep = 1 << 20;

// Hands out the frames of a batch to threads; the records come back in order.
class Batch {
 public:
  Batch(const MappedFile& source, const MappedFile& target, const Covers& covers, unsigned threads) : records_(threads * kBatchPerThread) {
    for (unsigned i = 0; i < threads; ++i) makers_.emplace_back(source.bytes(), target.bytes(), covers);
  }
  std::size_t capacity() const { return records_.size(); }

  Result<> make(const ImagePlan& plan, std::uint64_t first, std::size_t count) {
    std::vector<Result<>> outcomes(makers_.size());
    const auto work = [&](std::size_t mine) {
      for (std::size_t i = mine; i < count && outcomes[mine]; i += makers_.size())
        outcomes[mine] = makers_[mine].make((first + i) * plan.frame_bytes(), plan.content_bytes(first + i), records_[i]);
    };
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < makers_.size(); ++i) others.emplace_back(work, i);
      work(0);
    }
    for (auto& outcome : outcomes) TRY(std::move(outcome));
    return {};
  }
  Bytes& record(std::size_t i) { return records_[i]; }

 private:
  std::vector<FrameMaker> makers_;
  std::vector<Bytes> records_;
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

}  // namespace

Result<> make_records(const MappedFile& source, const MappedFile& target, const PairOptions& options, const OtherRecord& other,
                      const TakeRecord& take, const Pace& pace, ImagePlan& plan) {
  plan.source_bytes = source.bytes().size();
  plan.target_bytes = target.bytes().size();
  plan.source_sha256 = digest_of(source);
  plan.target_sha256 = digest_of(target);
  plan.record_bytes.clear();
  const auto relax = [&](std::uint64_t done) {
    source.relax();
    target.relax();
    if (pace) pace(done);
  };
  const Covers covers = match_images(source.bytes(), target.bytes(), options.limits, [&](std::uint64_t done) { relax(done / 2); });
  const unsigned threads = std::clamp(options.threads == 0 ? std::thread::hardware_concurrency() : options.threads, 1U, 64U);
  Batch batch(source, target, covers, threads);
  for (std::uint64_t first = 0; first < plan.frame_count();) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(batch.capacity(), plan.frame_count() - first));
    TRY(batch.make(plan, first, count));
    for (std::size_t i = 0; i < count; ++i) {
      Bytes& record = batch.record(i);
      Bytes another;
      if (other && TRY(other(first + i, record.size(), another))) record.swap(another);
      plan.record_bytes.push_back(static_cast<std::uint32_t>(record.size()));
      TRY(take(first + i, record));
    }
    first += count;
    relax(plan.target_bytes / 2 + std::min(plan.target_bytes, first * plan.frame_bytes()) / 2);
  }
  return {};
}

}  // namespace aloft::delta
