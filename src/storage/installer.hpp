// Writes one image of a bundle to a slot: fetch, decode, verify and write side by side, then flush and read back.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "bundle/reader.hpp"
#include "storage/block_device.hpp"
#include "storage/frame_queue.hpp"

namespace aloft::storage {

// Another way to a frame's content than the bundle: a delta.
class FrameMaker {
 public:
  virtual ~FrameMaker() = default;
  // Fills content, which is checked against the manifest before it is used. False: not this frame, take it from the bundle. One thread at a
  // time, frames in rising order. An error ends the install.
  virtual Result<bool> make(std::uint64_t frame, MutableByteView content) = 0;
  // What the last one filled was right, or not: then the frame comes from the bundle.
  virtual void checked(bool right) = 0;
};

// Whether the maker has made the frame, and it is what the manifest names. Errors: the maker's.
Result<bool> make_checked(FrameMaker& maker, const bundle::Image& image, std::uint64_t frame, MutableByteView content);

struct InstallOptions {
  // Frames at the start that are likely in place already (an install that was cut short): all of them are compared with the manifest
  // by digest before anything is fetched. Beyond them the same is tried as long as it pays. Nothing is trusted unread.
  std::uint64_t likely_frames = 0;
  // Threads that work on frames, on up to two each at once; fewer where frames are large, so that memory stays bounded. 1: on the caller's
  // thread, every operation in a fixed order.
  unsigned workers = 3;
  // How much is written between two flushes, each followed by reading back what it covers.
  std::uint64_t settle_bytes = 128ULL << 20;
  // after_flush: for a source from which every byte is dear. Each frame is then settled by itself, whatever settle_bytes says.
  Fetching fetching = Fetching::ahead;
  // Called on the caller's thread after each read-back, with the number of frames at the start that are certainly on the device.
  std::function<void(std::uint64_t frames)> settled;
  // Called on the caller's thread by a stream target, with the number of frames that were handed on; nothing of them is certain yet.
  std::function<void(std::uint64_t frames)> streamed;
  FrameMaker* maker = nullptr;  // asked first
  std::stop_token stop;         // asked between frames; kCancelled
};

struct InstallStats {
  std::uint64_t frames = 0;
  std::uint64_t frames_fetched = 0;
  std::uint64_t frames_made = 0;      // by the maker
  std::uint64_t frames_in_place = 0;  // found by digest, neither fetched nor written
  std::uint64_t frames_zero = 0;      // all zeros, not fetched
  std::uint64_t bytes_fetched = 0;    // as stored in the bundle
  std::uint64_t bytes_written = 0;
};

// Once this has returned, every frame of the image has been read from the device after a flush, and was what had been checked against its
// signed digest and written (by a 64-bit checksum; frames found in place, and zeros, by themselves). Nothing is written but content whose
// digest was checked before. The device must be at least as large as the image (kOutsideDevice, before any write). Memory: about
// (workers + 1) x 9 frames of up to 256 KiB, at most 20 MiB. Errors: the reader's, the device's, kReadBack, kCancelled.
Result<InstallStats> install_image(bundle::Reader& reader, std::size_t image, BlockDevice& device, const InstallOptions& options);

}  // namespace aloft::storage
