// Where a device's clock stands: its windows are in its own time, which the server has to work out for clients that do not keep windows.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/install_policy.hpp"

namespace aloft::ddi {

// "+02:00", "-0330", "Z", "+5": minutes east of UTC, within a day; nothing for what is none.
std::optional<int> utc_offset_minutes(std::string_view text);
bool is_open_at(const protocol::MaintenanceWindow& window, std::uint64_t time_ms, int offset_minutes);

}  // namespace aloft::ddi
