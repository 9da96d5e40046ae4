#include "fleet/device_facts.hpp"

#include <array>

namespace aloft::fleet {

std::string_view to_string(UpdateStatus status) {
  static constexpr std::array<std::string_view, 5> kNames{"unknown", "registered", "pending", "in_sync", "error"};
  return kNames[static_cast<std::size_t>(status)];
}

UpdateStatus update_status_of(DeviceStatus status, std::optional<UpdateState> latest) {
  if (status != DeviceStatus::accepted) return UpdateStatus::unknown;
  if (!latest || *latest == UpdateState::cancelled) return UpdateStatus::registered;
  if (!protocol::is_final(*latest)) return UpdateStatus::pending;
  return *latest == UpdateState::committed ? UpdateStatus::in_sync : UpdateStatus::error;
}

}  // namespace aloft::fleet
