// The order of work on one image's frames: who takes which, whose turn it is at the source, how far all of them are done.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/result.hpp"

namespace aloft::storage {

enum class Placed : std::uint8_t { no, in_place, written };

// Safe to use from any number of threads. After fail() every call returns at once.
class FrameQueue {
 public:
  explicit FrameQueue(std::uint64_t frames) : placed_(frames, Placed::no), left_source_(frames, false) {}

  // The next frame to work on; nothing when all are taken, after fail(), or once `stop` is asked for.
  std::optional<std::uint64_t> take(const std::stop_token& stop);
  // The source is read in rising order: waits until every frame before this one has left it. False after fail().
  bool wait_for_source(std::uint64_t frame);
  // The frame does not need the source, or no longer.
  void leave_source(std::uint64_t frame);
  void finish(std::uint64_t frame, Placed placed);
  void fail(Error error);  // the first one counts

  // Waits until the frames before `wanted` are finished, for at most `patience`, or until fail(). How many at the start are finished.
  std::uint64_t wait_finished(std::uint64_t wanted, std::chrono::milliseconds patience);
  Placed placed(std::uint64_t frame) const;
  std::optional<Error> error() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Placed> placed_;
  std::vector<bool> left_source_;
  std::uint64_t next_ = 0;
  std::uint64_t at_source_ = 0;  // frames below have left the source
  std::uint64_t finished_ = 0;   // frames below are finished
  std::optional<Error> error_;
};

}  // namespace aloft::storage
