// Where an image goes: something with random access, or something that takes a stream. docs/decisions/0015-targets.md says why two.
#pragma once

#include <memory>
#include <variant>

#include "bundle/manifest.hpp"
#include "bundle/verity.hpp"
#include "storage/block_device.hpp"

namespace aloft::storage {

inline constexpr std::size_t kReadBytes = 256 << 10;  // at once, of what is read back

// Random access: frames in any order, what is in place stays, all is read back. An install that a power cut ended is taken up again.
class DeviceTarget {
 public:
  explicit DeviceTarget(std::unique_ptr<BlockDevice> device) : device_(std::move(device)) {}
  DeviceTarget(const DeviceTarget&) = delete;
  DeviceTarget& operator=(const DeviceTarget&) = delete;
  virtual ~DeviceTarget() = default;
  BlockDevice& device() { return *device_; }
  // Called once every frame has been read back after a flush. What it still has to do is durable when it returns.
  virtual Result<> finish(const bundle::Image&) { return {}; }

 protected:
  void close_device() { device_.reset(); }

 private:
  std::unique_ptr<BlockDevice> device_;
};

// A stream: frames in rising order, once. Calls: begin, append (any number), then finish or abort; after an error of any of them only
// abort. One thread. What a power cut leaves between begin() and the return of finish() is unspecified and must never be booted or used:
// the whole image is then streamed again.
class StreamTarget {
 public:
  StreamTarget() = default;
  StreamTarget(const StreamTarget&) = delete;
  StreamTarget& operator=(const StreamTarget&) = delete;
  virtual ~StreamTarget() = default;
  // From here on the slot's old content is gone.
  virtual Result<> begin(const bundle::Image& image) = 0;
  // Content whose digest has been checked, at most a frame at a time. May block.
  virtual Result<> append(ByteView content) = 0;
  // The whole image has been appended. Once it has returned, the content is durable and was verified where it lies.
  virtual Result<> finish() = 0;
  // Lets go of everything; the slot holds nothing that may be used.
  virtual void abort() = 0;
  // After finish(): the content as it lies in the slot, while the target is there; empty where it does not lie there as one piece.
  virtual bundle::ReadContent written() { return {}; }
};

using Target = std::variant<std::unique_ptr<DeviceTarget>, std::unique_ptr<StreamTarget>>;

inline Target device_target(std::unique_ptr<BlockDevice> device) { return std::make_unique<DeviceTarget>(std::move(device)); }

}  // namespace aloft::storage
