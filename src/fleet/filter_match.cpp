// Filters on a device in memory. What they mean is the same as in filter_sql.cpp; filter_agreement_test.cpp holds the two together.
#include <algorithm>
#include <charconv>

#include "fleet/errors.hpp"
#include "fleet/filter.hpp"
#include "fleet/natural_order.hpp"

namespace aloft::fleet {
namespace {

bool satisfies(std::string_view value, const FilterTerm& term) {
  const auto fits = [value](const std::string& pattern) { return fits_pattern(value, pattern); };
  switch (term.comparison) {
    case Comparison::less: return natural_order(value, term.values.front()) < 0;
    case Comparison::less_equal: return natural_order(value, term.values.front()) <= 0;
    case Comparison::greater: return natural_order(value, term.values.front()) > 0;
    case Comparison::greater_equal: return natural_order(value, term.values.front()) >= 0;
    default: return std::ranges::any_of(term.values, fits);
  }
}

bool satisfies(std::uint64_t time, const FilterTerm& term, std::uint64_t now_ms) {
  const auto is_it = [&](const std::string& value) { return time == time_value(value, now_ms); };
  switch (term.comparison) {
    case Comparison::less: return time < time_value(term.values.front(), now_ms);
    case Comparison::less_equal: return time <= time_value(term.values.front(), now_ms);
    case Comparison::greater: return time > time_value(term.values.front(), now_ms);
    case Comparison::greater_equal: return time >= time_value(term.values.front(), now_ms);
    default: return std::ranges::any_of(term.values, is_it);
  }
}

bool any_satisfies(const std::set<std::string>& values, const FilterTerm& term) {
  return std::ranges::any_of(values, [&](const std::string& value) { return satisfies(value, term); });
}

// Whether a value of the field is what the term's comparison, taken without its "not", asks for.
bool holds(const DeviceFacts& device, const FilterTerm& term, std::uint64_t now_ms) {
  switch (term.field) {
    case Field::name: return satisfies(device.name, term);
    case Field::product: return satisfies(device.product, term);
    case Field::hardware: return satisfies(device.hardware, term);
    case Field::version: return satisfies(device.version, term);
    case Field::protocol: return satisfies(to_string(device.protocol), term);
    case Field::status: return satisfies(to_string(device.status), term);
    case Field::update_status: return satisfies(to_string(device.update_status), term);
    case Field::tag: return any_satisfies(device.tags, term);
    case Field::group: return any_satisfies(device.groups, term);
    case Field::created: return satisfies(device.created_ms, term, now_ms);
    case Field::last_seen: return satisfies(device.last_seen_ms, term, now_ms);
    case Field::attribute: {
      const auto found = device.attributes.find(term.key);
      return found != device.attributes.end() && satisfies(found->second, term);
    }
  }
  return false;
}

bool is_missing(const DeviceFacts& device, const FilterTerm& term) {
  switch (term.field) {
    case Field::tag: return device.tags.empty();
    case Field::group: return device.groups.empty();
    case Field::attribute: return !device.attributes.contains(term.key);
    default: return false;
  }
}

bool matches_term(const DeviceFacts& device, const FilterTerm& term, std::uint64_t now_ms) {
  switch (term.comparison) {
    case Comparison::is_null: return is_missing(device, term);
    case Comparison::not_null: return !is_missing(device, term);
    case Comparison::not_equal:
    case Comparison::not_in: return !holds(device, term, now_ms);
    default: return holds(device, term, now_ms);
  }
}

bool matches_node(const DeviceFacts& device, const FilterNode& node, std::uint64_t now_ms) {
  const auto matches = [&](const FilterNode& child) { return matches_node(device, child, now_ms); };
  switch (node.kind) {
    case FilterNode::Kind::all: return std::ranges::all_of(node.children, matches);
    case FilterNode::Kind::any: return std::ranges::any_of(node.children, matches);
    case FilterNode::Kind::term: return matches_term(device, node.term, now_ms);
  }
  return false;
}

bool node_uses(const FilterNode& node, Field field) {
  if (node.kind == FilterNode::Kind::term) return node.term.field == field;
  return std::ranges::any_of(node.children, [field](const FilterNode& child) { return node_uses(child, field); });
}

}  // namespace

bool is_time(Field field) { return field == Field::created || field == Field::last_seen; }

std::uint64_t time_value(std::string_view value, std::uint64_t now_ms) {
  if (value == kNowValue) return now_ms;
  if (value == kOverdueValue) return now_ms - std::min(now_ms, kOverdueMs);
  std::uint64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

bool Filter::matches(const DeviceFacts& device, std::uint64_t now_ms) const { return matches_node(device, root_, now_ms); }

bool Filter::uses(Field field) const { return node_uses(root_, field); }

Result<> Filter::check_steady() const {
  for (const Field field : {Field::last_seen, Field::update_status, Field::created})
    if (uses(field))
      return fail(
          kFilterUnsteady,
          "a group or rollout cannot ask for lastseen, created or updatestatus: who matches would change with time alone; use them in "
          "searches, and tags for what you find");
  return {};
}

Result<> Filter::check_for_group() const {
  TRY(check_steady());
  if (!uses(Field::group)) return {};
  return fail(kFilterUnsteady, "a group's filter cannot ask for groups; repeat what they ask for, or use a tag");
}

}  // namespace aloft::fleet
