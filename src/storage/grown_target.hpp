// A raw ext4 image that is grown to the size of its slot.
#pragma once

#include <filesystem>

#include "storage/target.hpp"

namespace aloft::storage {

// finish() checks the file system (e2fsck), grows it (resize2fs) and checks it again. A power cut on the way leaves a file system that is
// neither: the next install compares all frames and writes again those that the growing had changed. Errors: kProcess.
class GrownTarget final : public DeviceTarget {
 public:
  GrownTarget(std::unique_ptr<BlockDevice> device, std::filesystem::path path) : DeviceTarget(std::move(device)), path_(std::move(path)) {}
  Result<> finish(const bundle::Image& image) override;

 private:
  const std::filesystem::path path_;
};

}  // namespace aloft::storage
