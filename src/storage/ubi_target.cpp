#include "storage/ubi_target.hpp"

#include <algorithm>
#include <cerrno>

#include "base/errors.hpp"
#include "storage/errors.hpp"
#include "storage/ubifs.hpp"

namespace aloft::storage {
namespace {

Result<> check_ubifs(ByteView first, const UbiVolume& volume) {
  const UbifsGeometry made_for = TRY(read_ubifs(first));
  if (made_for.block_bytes == volume.block_bytes) return {};
  return fail(kUbifsGeometry, "the UBIFS image was made for logical erase blocks of " + std::to_string(made_for.block_bytes) +
                                  " bytes, and volume " + volume.name + " has " + std::to_string(volume.block_bytes) +
                                  "; make it with mkfs.ubifs -e " + std::to_string(volume.block_bytes));
}

}  // namespace

Result<UbiVolume> ubi_volume(Ubi& ubi, const std::string& name) {
  for (UbiVolume& one : TRY(ubi.volumes())) {
    if (one.name == name) return std::move(one);
  }
  return fail(kUbi, "there is no UBI volume \"" + name + "\"; make it (ubimkvol), or correct the slot in system.toml");
}

Result<bool> ubi_holds(Ubi& ubi, const UbiVolume& volume, const crypto::Digest& sha256, std::uint64_t size_bytes) {
  if (volume.is_damaged || volume.capacity_bytes < size_bytes) return false;
  crypto::Sha256 hash;
  Bytes buffer(kReadBytes);
  for (std::uint64_t at = 0; at < size_bytes;) {
    const auto part = MutableByteView(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_bytes - at)));
    if (TRY(ubi.read(volume.id, at, part)) != part.size()) return false;
    hash.update(part);
    at += part.size();
  }
  return hash.finish() == sha256;
}

Result<> UbiTarget::begin(const bundle::Image& image) {
  expected_ = image.sha256;
  size_bytes_ = image.size_bytes;
  update_.reset();
  volume_ = TRY(ubi_volume(*ubi_, name_));
  if (volume_.capacity_bytes >= size_bytes_) return {};
  return fail(kUbi, "UBI volume " + name_ + " has room for " + std::to_string(volume_.capacity_bytes) + " bytes, and the image " +
                        std::to_string(size_bytes_) + "; make the volume larger (ubirsvol)");
}

// Only now, so that an image that does not fit leaves the old content.
Result<> UbiTarget::start(ByteView first) {
  if (content_ == UbiContent::ubifs) TRY(check_ubifs(first, volume_));
  update_ = TRY(ubi_->update(volume_.id, size_bytes_));
  return {};
}

Result<> UbiTarget::append(ByteView content) {
  if (!update_) TRY(start(content));
  return update_->append(content);
}

Result<> UbiTarget::finish() {
  update_.reset();
  volume_ = TRY(ubi_volume(*ubi_, name_));
  if (TRY(ubi_holds(*ubi_, volume_, expected_, size_bytes_))) return {};
  return fail(kReadBack, "UBI volume " + name_ + " reads back differently than it was written; the flash may be failing");
}

bundle::ReadContent UbiTarget::written() {
  return [this](std::uint64_t offset, MutableByteView buffer) -> Result<> {
    if (TRY(ubi_->read(volume_.id, offset, buffer)) == buffer.size()) return {};
    return fail(kReadBack, "UBI volume " + name_ + " ends before its content");
  };
}

}  // namespace aloft::storage
