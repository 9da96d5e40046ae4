// What a device says of itself (hawkBit's DDI, "configData").
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aloft::ddi {

struct ConfigData {
  enum class Mode : std::uint8_t { merge, replace, remove };
  Mode mode = Mode::merge;
  std::map<std::string, std::string> data;  // as protocol::is_attribute_key and is_attribute_value have it
};

// Keys get '_' for what no key of ours may have, values a space for control characters; both are cut to what fits, and no more than
// protocol::kMaxAttributes are taken. Values that are no strings become their JSON. Errors: kBadJson: no object, or an unknown mode.
Result<ConfigData> read_config_data(std::string_view text);

// The attributes after that. At most protocol::kMaxAttributes; those that are there already stay.
std::map<std::string, std::string> applied(const ConfigData& change, std::map<std::string, std::string> attributes);

}  // namespace aloft::ddi
