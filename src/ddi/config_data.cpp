#include "ddi/config_data.hpp"

#include <algorithm>

#include "base/errors.hpp"
#include "ddi/lenient_json.hpp"
#include "protocol/messages.hpp"

namespace aloft::ddi {
namespace {

Result<ConfigData::Mode> mode_of(const Json& json) {
  const auto found = json.find("mode");
  if (found == json.end() || found->is_null()) return ConfigData::Mode::merge;
  if (*found == "merge") return ConfigData::Mode::merge;
  if (*found == "replace") return ConfigData::Mode::replace;
  if (*found == "remove") return ConfigData::Mode::remove;
  return fail(kBadJson, "configData: mode must be merge, replace or remove");
}

std::string key_of(std::string key) {
  std::ranges::replace_if(key, [](char c) { return !protocol::is_attribute_key(std::string_view(&c, 1)); }, '_');
  key.resize(std::min(key.size(), protocol::kMaxAttributeKeyBytes));
  return key;
}

std::string value_of(const Json& json) {
  std::string value = json.is_string() ? json.get<std::string>() : json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::ranges::replace_if(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  if (value.size() <= protocol::kMaxAttributeValueBytes) return value;
  std::size_t end = protocol::kMaxAttributeValueBytes;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) --end;
  return value.substr(0, end);
}

}  // namespace

Result<ConfigData> read_config_data(std::string_view text) {
  const Json json = TRY(parse_leniently(text));
  if (!json.is_object()) return fail(kBadJson, "configData must be an object");
  ConfigData change{.mode = TRY(mode_of(json)), .data = {}};
  const auto data = json.find("data");
  if (data == json.end() || !data->is_object()) return fail(kBadJson, "configData: \"data\" must be an object");
  for (const auto& [key, value] : data->items()) {
    if (change.data.size() == protocol::kMaxAttributes) break;
    if (!key.empty()) change.data.insert_or_assign(key_of(key), value_of(value));
  }
  return change;
}

std::map<std::string, std::string> applied(const ConfigData& change, std::map<std::string, std::string> attributes) {
  if (change.mode == ConfigData::Mode::replace) return change.data;
  for (const auto& [key, value] : change.data) {
    if (change.mode == ConfigData::Mode::remove)
      attributes.erase(key);
    else if (attributes.contains(key) || attributes.size() < protocol::kMaxAttributes)
      attributes.insert_or_assign(key, value);
  }
  return attributes;
}

}  // namespace aloft::ddi
