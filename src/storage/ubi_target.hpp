// An image into a UBI volume.
#pragma once

#include <memory>
#include <string>

#include "base/ubi.hpp"
#include "storage/target.hpp"

namespace aloft::storage {

enum class UbiContent : std::uint8_t { any, ubifs };

// The volume is updated as a whole by the kernel: an update that did not come to its end leaves a volume that nothing can read, not an old
// half and a new one. Afterwards it is read back against the image's digest. Errors: kUbi for a volume that is too small or not there,
// kBusy for one that is in use, kUbifsGeometry for a file system made for another flash (before anything changes), kReadBack.
class UbiTarget final : public StreamTarget {
 public:
  // `name`: of the volume.
  UbiTarget(std::unique_ptr<Ubi> ubi, std::string name, UbiContent content)
      : ubi_(std::move(ubi)), name_(std::move(name)), content_(content) {}
  Result<> begin(const bundle::Image& image) override;
  Result<> append(ByteView content) override;
  Result<> finish() override;
  void abort() override { update_.reset(); }
  bundle::ReadContent written() override;

 private:
  Result<> start(ByteView first);
  std::unique_ptr<Ubi> ubi_;
  const std::string name_;
  const UbiContent content_;
  UbiVolume volume_;
  crypto::Digest expected_{};
  std::uint64_t size_bytes_ = 0;
  std::unique_ptr<UbiUpdate> update_;
};

// kUbi where there is none of that name.
Result<UbiVolume> ubi_volume(Ubi& ubi, const std::string& name);
// Whether a volume begins with content of that digest; an unreadable one does not.
Result<bool> ubi_holds(Ubi& ubi, const UbiVolume& volume, const crypto::Digest& sha256, std::uint64_t size_bytes);

}  // namespace aloft::storage
