// The names of the fields that filters may ask for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fleet/filter.hpp"

namespace aloft::fleet {

struct FieldName {
  Field field;
  std::string key;  // of an attribute
};
// Names are taken without regard to case, keys of attributes with it.
std::optional<FieldName> field_of(std::string_view name);
// "name, product, ...", for messages.
std::string field_names();

}  // namespace aloft::fleet
