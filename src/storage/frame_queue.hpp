// The order of work on one image's frames: who takes which, whose turn it is at the source, how far all of them are done.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "base/result.hpp"

namespace aloft::storage {

enum class Placed : std::uint8_t {
  no,
  in_place,  // it was on the device before
  written,
  settled,  // and read back after a flush; so is what was in place
  apart,    // not here yet: somebody else places and settles it
};

struct Task {
  enum class Kind : std::uint8_t { place, check } kind;
  std::uint64_t frame;
  std::uint64_t end;  // the frame behind the last
};

// How far reading of the source may run ahead of what is durable.
enum class Fetching : std::uint8_t {
  ahead,        // as far as the workers go
  after_flush,  // a frame is asked for once all before it were flushed: a power cut costs one at most
};

// Safe to use from any number of threads. After fail() every call returns at once.
class FrameQueue {
 public:
  // How many frames are handed out at most to be placed, and to be read back, at once; at least 1.
  FrameQueue(std::uint64_t frames, Fetching fetching, std::uint64_t most_placed, std::uint64_t most_checked)
      : fetching_(fetching),
        most_placed_(fetching == Fetching::after_flush ? 1 : most_placed),
        most_checked_(most_checked),
        placed_(frames, Placed::no),
        left_source_(frames, false) {}

  // Before the first take(): this frame is not handed out; whoever calls this settles it.
  void set_apart(std::uint64_t frame);
  // The next thing to do: frames to read back before frames to place, but one worker at a time while there are frames to place: reading
  // waits for the device, placing keeps the processor busy. Waits while there may be more; nothing once all frames are settled, or after
  // fail().
  std::optional<Task> take();
  // The source is read in rising order: waits until every frame before this one has left it, and for Fetching::after_flush until all of
  // them were flushed. False after fail().
  bool wait_for_source(std::uint64_t frame);
  // The frame does not need the source, or no longer.
  void leave_source(std::uint64_t frame);
  void place(std::uint64_t frame, Placed placed);
  void settle(std::uint64_t frame);
  void fail(Error error);  // the first one counts

  // Waits until the frames before `wanted` are placed, for at most `patience`, or until fail(). How many at the start are placed.
  std::uint64_t wait_placed(std::uint64_t wanted, std::chrono::milliseconds patience);
  // The frames before this one were flushed: they may be read back.
  void flushed(std::uint64_t frames);
  void wait_settled();            // all of them, or until fail()
  std::uint64_t settled() const;  // so many at the start
  std::optional<Error> error() const;

 private:
  bool is_placed(std::uint64_t frame) const { return placed_[frame] != Placed::no && placed_[frame] != Placed::apart; }
  void count();
  void wake_all();
  const Fetching fetching_;
  const std::uint64_t most_placed_;
  const std::uint64_t most_checked_;
  mutable std::mutex mutex_;
  // Woken apart, and only for what they wait for: a switch of threads for each frame would cost as much as checking it.
  std::condition_variable work_;      // take()
  std::condition_variable source_;    // wait_for_source()
  std::condition_variable progress_;  // wait_placed(), wait_settled()
  std::vector<Placed> placed_;
  std::vector<bool> left_source_;
  // Each counts frames from the start.
  std::uint64_t taken_ = 0;
  std::uint64_t at_source_ = 0;
  std::uint64_t finished_ = 0;  // placed, or more
  std::uint64_t flushed_ = 0;
  std::uint64_t checked_ = 0;   // taken to be read back
  std::uint64_t checking_ = 0;  // of them, not settled yet
  std::uint64_t settled_ = 0;
  std::uint64_t wanted_ = 0;  // placed: what wait_placed() waits for
  std::optional<Error> error_;
};

}  // namespace aloft::storage
