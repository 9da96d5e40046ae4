#include "bundle/frame_pipeline.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace aloft::bundle {
namespace {

// A ring of slots. The caller's thread fills and empties them in order; workers take the filled ones in between.
class Ring {
 public:
  explicit Ring(const FrameWork& work) : work_(work), slots_(std::size_t{2} * work.threads) {
    for (unsigned i = 0; i < work.threads; ++i) workers_.emplace_back([this] { run_worker(); });
  }
  ~Ring() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    filled_.notify_all();
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  Result<> run(const ReadFrame& read, const TakeFrame& take) {
    std::uint64_t taken = 0;
    while (taken < work_.frame_count) {
      if (filled_count_ < work_.frame_count && filled_count_ - taken < slots_.size()) {
        TRY(read(filled_count_, slot(filled_count_).content));
        const std::lock_guard lock(mutex_);
        slot(filled_count_++).done = false;
        filled_.notify_one();
        continue;
      }
      Slot& oldest = slot(taken);
      {
        std::unique_lock lock(mutex_);
        done_.wait(lock, [&] { return oldest.done; });
      }
      if (!oldest.outcome) return oldest.outcome;
      TRY(take(taken++, oldest.packed));
    }
    return {};
  }

 private:
  struct Slot {
    Bytes content;
    PackedFrame packed;
    Result<> outcome;
    bool done = false;
  };

  Slot& slot(std::uint64_t frame) { return slots_[frame % slots_.size()]; }

  void run_worker() {
    FrameEncoder encoder(work_.encoding, work_.level, work_.frame_size_bytes, work_.blocks);
    std::unique_lock lock(mutex_);
    for (;;) {
      filled_.wait(lock, [&] { return stopping_ || claimed_count_ < filled_count_; });
      if (stopping_) return;
      Slot& mine = slot(claimed_count_++);
      lock.unlock();
      mine.outcome = encoder.encode(mine.content, mine.packed);
      lock.lock();
      mine.done = true;
      done_.notify_one();
    }
  }

  const FrameWork work_;
  std::vector<Slot> slots_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable done_;
  std::uint64_t filled_count_ = 0;
  std::uint64_t claimed_count_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> workers_;  // joined first
};

}  // namespace

Result<> encode_frames(const FrameWork& work, const ReadFrame& read, const TakeFrame& take) { return Ring(work).run(read, take); }

}  // namespace aloft::bundle
