#include "fleet/filter_fields.hpp"

#include <algorithm>
#include <array>

namespace aloft::fleet {
namespace {

struct FieldRow {
  std::string_view name;  // in lower case
  Field field;
};

// The first name of each field is ours, the others are hawkBit's.
constexpr std::array<FieldRow, 23> kFields{{{"name", Field::name},
                                            {"id", Field::name},
                                            {"controllerid", Field::name},
                                            {"product", Field::product},
                                            {"type", Field::product},
                                            {"targettype.key", Field::product},
                                            {"targettype.name", Field::product},
                                            {"hardware", Field::hardware},
                                            {"version", Field::version},
                                            {"installedds.version", Field::version},
                                            {"protocol", Field::protocol},
                                            {"status", Field::status},
                                            {"updatestatus", Field::update_status},
                                            {"tag", Field::tag},
                                            {"tags", Field::tag},
                                            {"group", Field::group},
                                            {"created", Field::created},
                                            {"createdat", Field::created},
                                            {"lastseen", Field::last_seen},
                                            {"last_seen", Field::last_seen},
                                            {"lastcontrollerrequestat", Field::last_seen},
                                            {"update_status", Field::update_status},
                                            {"groups", Field::group}}};
constexpr std::array<std::string_view, 3> kAttributePrefixes{"attribute.", "controllerattributes.", "attributes."};

}  // namespace

std::optional<FieldName> field_of(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (const std::string_view prefix : kAttributePrefixes)
    if (lower.starts_with(prefix) && lower.size() > prefix.size())
      return FieldName{.field = Field::attribute, .key = std::string(name.substr(prefix.size()))};
  const auto found = std::ranges::find(kFields, std::string_view(lower), &FieldRow::name);
  if (found == kFields.end()) return std::nullopt;
  return FieldName{.field = found->field, .key = {}};
}

std::string field_names() {
  return "name, product, hardware, version, protocol, status, updatestatus, tag, group, attribute.KEY, created, lastseen";
}

}  // namespace aloft::fleet
