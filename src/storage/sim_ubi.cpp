#include "storage/sim_ubi.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/errors.hpp"
#include "base/flash.hpp"

namespace aloft::storage {
class SimUbi::Update final : public UbiUpdate {
 public:
  Update(SimUbi& ubi, int id) : ubi_(ubi), id_(id) {}
  Result<> append(ByteView bytes) override { return ubi_.append(id_, bytes); }

 private:
  SimUbi& ubi_;
  const int id_;
};

SimUbi::SimUbi(Power& power, std::uint64_t block_bytes, std::uint64_t blocks)
    : power_(&power), block_bytes_(block_bytes), blocks_(blocks) {}

void SimUbi::change(Volumes after) {
  pending_ = std::move(after);
  is_pending_ = true;
  if (power_->goes_now()) throw PowerLost();
  settle_kept();
}

Result<SimUbi::Volume*> SimUbi::find(int id) {
  for (Volume& volume : volumes_)
    if (volume.info.id == id) return &volume;
  return fail(kNotFound, "there is no simulated volume " + std::to_string(id));
}

Result<std::vector<UbiVolume>> SimUbi::volumes() {
  std::vector<UbiVolume> found;
  for (const Volume& volume : volumes_) {
    found.push_back(volume.info);
    found.back().is_damaged = volume.info.is_damaged || volume.updating;
  }
  return found;
}

void SimUbi::add(const std::string& name, std::uint64_t bytes, UbiKind kind, ByteView content) {
  Volume volume;
  for (const Volume& other : volumes_) volume.info.id = std::max(volume.info.id, other.info.id + 1);
  volume.info.name = name;
  volume.info.kind = kind;
  volume.info.block_bytes = block_bytes_;
  volume.info.capacity_bytes = (bytes + block_bytes_ - 1) / block_bytes_ * block_bytes_;
  volume.content.assign(content.begin(), content.end());
  volumes_.push_back(std::move(volume));
}

void SimUbi::put(const std::string& name, ByteView content) {
  std::ranges::find(volumes_, name, [](const Volume& one) { return one.info.name; })->content.assign(content.begin(), content.end());
}

Result<> SimUbi::make(const std::string& name, std::uint64_t bytes, UbiKind kind) {
  std::uint64_t used = (bytes + block_bytes_ - 1) / block_bytes_;
  for (const Volume& volume : volumes_) {
    if (volume.info.name == name) return fail(kIo, "there is a simulated volume " + name);
    used += volume.info.capacity_bytes / block_bytes_;
  }
  if (used > blocks_) return fail(kNoSpace, "no space left on the simulated device");
  SimUbi after = *this;
  after.add(name, bytes, kind, {});
  change(std::move(after.volumes_));
  return {};
}

Result<> SimUbi::remove(int id) {
  const Volume* const volume = TRY(find(id));
  if (in_use_.contains(volume->info.name)) return fail(kBusy, "the simulated volume is in use");
  Volumes after = volumes_;
  std::erase_if(after, [id](const Volume& one) { return one.info.id == id; });
  change(std::move(after));
  return {};
}

Result<> SimUbi::rename_volumes(std::span<const UbiRename> renames) {
  Volumes after = volumes_;
  for (const UbiRename& one : renames) {
    TRY(find(one.id));
    std::ranges::find(after, one.id, [](const Volume& volume) { return volume.info.id; })->info.name = one.name;
  }
  for (const Volume& volume : after) {  // the kernel would remove the other one
    if (std::ranges::count(after, volume.info.name, [](const Volume& one) { return one.info.name; }) != 1) std::abort();
  }
  change(std::move(after));
  ++renames_;
  return {};
}

Result<std::unique_ptr<UbiUpdate>> SimUbi::update(int id, std::uint64_t bytes) {
  const Volume& volume = *TRY(find(id));
  if (in_use_.contains(volume.info.name)) return fail(kBusy, "the simulated volume is in use");
  if (bytes > volume.info.capacity_bytes) return fail(kIo, "more than the simulated volume takes");
  Volumes after = volumes_;
  Volume& begun = *std::ranges::find(after, id, [](const Volume& one) { return one.info.id; });
  begun.updating = true;
  begun.info.is_damaged = false;
  begun.announced_bytes = bytes;
  begun.content.clear();
  change(std::move(after));
  return std::make_unique<Update>(*this, id);
}

Result<> SimUbi::append(int id, ByteView bytes) {
  Volumes after = volumes_;
  Volume& volume = *std::ranges::find(after, id, [](const Volume& one) { return one.info.id; });
  if (!volume.updating || bytes.size() > volume.announced_bytes - volume.content.size()) std::abort();
  volume.content.insert(volume.content.end(), bytes.begin(), bytes.end());
  volume.updating = volume.content.size() < volume.announced_bytes;
  change(std::move(after));
  return {};
}

Result<std::size_t> SimUbi::read(int id, std::uint64_t offset, MutableByteView buffer) {
  const Volume& volume = *TRY(find(id));
  if (volume.updating || volume.info.is_damaged) return fail(kIo, "the simulated volume cannot be read");
  const std::uint64_t end = volume.info.kind == UbiKind::fixed ? volume.content.size() : volume.info.capacity_bytes;
  if (offset >= end) return 0;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - offset));
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(offset) + i;
    buffer[i] = at < volume.content.size() ? volume.content[at] : Flash::kErased;
  }
  return count;
}

void SimUbi::damage(const std::string& name, std::size_t offset) {
  Volume& volume = *std::ranges::find(volumes_, name, [](const Volume& one) { return one.info.name; });
  volume.content.at(offset) ^= std::byte{1};
  volume.info.is_damaged = volume.info.kind == UbiKind::fixed;
}

std::size_t SimUbi::outcomes(Effort) const { return is_pending_ ? 2 : 1; }

void SimUbi::settle(std::size_t outcome, Effort, std::uint64_t) {
  if (is_pending_ && outcome == 1) volumes_ = std::move(pending_);
  pending_.clear();
  is_pending_ = false;
}

void SimUbi::add_to(Fingerprint& fingerprint) const {
  for (const Volume& volume : volumes_) {
    fingerprint.add(static_cast<std::uint64_t>(volume.info.id));
    fingerprint.add(volume.info.name);
    fingerprint.add(volume.updating ? 1U : 0U);
    fingerprint.add(as_text(volume.content));
  }
}

}  // namespace aloft::storage
