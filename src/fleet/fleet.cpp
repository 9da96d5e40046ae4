#include "fleet/fleet.hpp"

#include <algorithm>
#include <array>

#include "base/errors.hpp"
#include "fleet/errors.hpp"

namespace aloft::fleet {

static constexpr std::array<std::string_view, 3> kStatusNames{"pending", "accepted", "rejected"};

std::string_view to_string(DeviceStatus status) { return kStatusNames[static_cast<std::size_t>(status)]; }

Result<DeviceStatus> device_status_of(std::string_view name) {
  const auto found = std::ranges::find(kStatusNames, name);
  if (found == kStatusNames.end()) return fail(kBadArgument, "a device's status is pending, accepted or rejected");
  return static_cast<DeviceStatus>(found - kStatusNames.begin());
}

std::string_view to_string(DeviceProtocol protocol) { return protocol == DeviceProtocol::aloft ? "aloft" : "hawkbit"; }

std::string_view to_string(ReleaseFormat format) {
  static constexpr std::array<std::string_view, 3> kNames{"aloft", "swu", "raucb"};
  return kNames[static_cast<std::size_t>(format)];
}

bool replaces(UpdateState present, UpdateState next) { return !protocol::is_final(present) || protocol::is_final(next); }

Result<> check_fit(const Release& release, const Device& device) {
  if (release.product != device.product)
    return fail(kReleaseDoesNotFit, "release " + release.version + " is for product " + release.product + ", device " + device.name +
                                        " is a " + device.product + "; choose another release");
  if (std::ranges::find(release.hardware, device.hardware) == release.hardware.end())
    return fail(kReleaseDoesNotFit, "release " + release.version + " is not for hardware " + device.hardware + " of device " + device.name +
                                        "; make a bundle that names this revision");
  if (release.format != ReleaseFormat::aloft && device.protocol == DeviceProtocol::aloft)
    return fail(kReleaseDoesNotFit, "release " + release.version + " is a ." + std::string(to_string(release.format)) +
                                        " file, which device " + device.name + " does not take: it runs aloftd; make an Aloft bundle");
  return {};
}

}  // namespace aloft::fleet
