#include "storage/ubi_pair.hpp"

#include <algorithm>

#include "base/errors.hpp"
#include "base/log.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

const UbiVolume* find(const std::vector<UbiVolume>& volumes, const std::string& name) {
  const auto found = std::ranges::find(volumes, name, &UbiVolume::name);
  return found == volumes.end() ? nullptr : &*found;
}

// What lies in a second volume waits for nothing when an update begins: a smaller one, or of another kind, is made anew.
Result<> ensure_second(Ubi& ubi, const std::string& name) {
  const UbiVolume first = TRY(ubi_volume(ubi, name));
  const std::vector<UbiVolume> volumes = TRY(ubi.volumes());
  const UbiVolume* const second = find(volumes, ubi_second(name));
  if (second != nullptr && second->capacity_bytes >= first.capacity_bytes && second->kind == first.kind) return {};
  if (second != nullptr) TRY(ubi.remove(second->id));
  const auto made = ubi.make(ubi_second(name), first.capacity_bytes, first.kind);
  if (!made && made.error().code.number == kNoSpace.number)
    return fail(kUbiFull, "the UBI device has no room for a second volume of " + std::to_string(first.capacity_bytes) + " bytes beside " +
                              name + ": " + made.error().message);
  return made;
}

class SecondVolume final : public StreamTarget {
 public:
  SecondVolume(std::unique_ptr<Ubi> ubi, std::string name)
      : same_(*ubi), name_(std::move(name)), inner_(std::move(ubi), ubi_second(name_), UbiContent::any) {}
  Result<> begin(const bundle::Image& image) override {
    TRY(ensure_second(same_, name_));
    return inner_.begin(image);
  }
  Result<> append(ByteView content) override { return inner_.append(content); }
  Result<> finish() override { return inner_.finish(); }
  void abort() override { inner_.abort(); }
  bundle::ReadContent written() override { return inner_.written(); }

 private:
  Ubi& same_;  // inner_'s
  const std::string name_;
  UbiTarget inner_;
};

}  // namespace

std::string ubi_second(const std::string& name) { return name + ".next"; }

std::unique_ptr<StreamTarget> ubi_second_target(std::unique_ptr<Ubi> ubi, const std::string& name) {
  return std::make_unique<SecondVolume>(std::move(ubi), name);
}

Result<> switch_ubi(Ubi& ubi, std::span<const UbiSwitch> switches) {
  const std::vector<UbiVolume> volumes = TRY(ubi.volumes());
  std::vector<UbiRename> renames;
  for (const auto& [name, content] : switches) {
    const UbiVolume* const first = find(volumes, name);
    const UbiVolume* const second = find(volumes, ubi_second(name));
    if (first != nullptr && TRY(ubi_holds(ubi, *first, content.sha256, content.size_bytes))) continue;
    if (second == nullptr || !TRY(ubi_holds(ubi, *second, content.sha256, content.size_bytes)))
      return fail(kSwitchContent, "UBI volume " + ubi_second(name) + " no longer holds what was installed; install the bundle again");
    renames.push_back({second->id, name});
    if (first != nullptr) renames.push_back({first->id, ubi_second(name)});
  }
  if (renames.empty()) return {};
  return ubi.rename_volumes(renames);
}

}  // namespace aloft::storage
