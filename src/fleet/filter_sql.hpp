// Filters as SQL.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "fleet/filter.hpp"
#include "fleet/sqlite.hpp"

namespace aloft::fleet {

// A condition on a row `d` of devices, in parentheses. What people wrote stands in `values`, never in the text. The text has ?N from
// first_value on, in the order of `values`.
struct SqlCondition {
  std::string text;
  std::vector<std::variant<std::string, std::uint64_t>> values;
};
SqlCondition compile_filter(const Filter& filter, std::uint64_t now_ms, int first_value);
// Binds the values to the places that the text has for them.
void bind_condition(Statement& statement, const SqlCondition& condition, int first_value);

}  // namespace aloft::fleet
