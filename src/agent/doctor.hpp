// Examines a device: is everything there that an update and a rollback will need?
#pragma once

#include <filesystem>
#include <vector>

#include "agent/examination.hpp"
#include "base/clock.hpp"
#include "base/json.hpp"

namespace aloft::agent {

// Looks, and writes nothing but the boot state as it is and a probe file in the state folder. Works beside a running
// daemon.
std::vector<Finding> examine(const std::filesystem::path& config_file, Clock& clock, const Places& places = {});

// None is bad.
bool is_sound(const std::vector<Finding>& findings);
// {"sound", "findings": [{"name", "verdict", "what", "mend"?}]}
Json findings_json(const std::vector<Finding>& findings);
void print_findings(const std::vector<Finding>& findings);

}  // namespace aloft::agent
