// Which devices: a text in RSQL, hawkBit's filter language, as a tree. Reference for people: docs/filters.md.
//   product==gateway;(tag==beta,attribute.modem=in=(ec25,ec21));version=lt=2.10
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "fleet/device_facts.hpp"

namespace aloft::fleet {

enum class Field : std::uint8_t {
  name,
  product,
  hardware,
  version,
  protocol,
  status,
  update_status,
  attribute,
  tag,
  group,
  created,
  last_seen
};
enum class Comparison : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in, is_null, not_null };

// For time fields a value is milliseconds since 1970, or one of these, which are filled in when the filter is used.
inline constexpr std::string_view kNowValue = "${NOW_TS}";
inline constexpr std::string_view kOverdueValue = "${OVERDUE_TS}";
// A device that has not been seen for so long is overdue: ten of its polls.
inline constexpr std::uint64_t kOverdueMs = 600'000;

inline constexpr std::size_t kMaxFilterBytes = 4096;
inline constexpr std::size_t kMaxFilterDepth = 32;
inline constexpr std::size_t kMaxFilterTerms = 256;  // values of =in= counted singly
inline constexpr std::size_t kMaxWildcards = 8;      // in one value

struct FilterTerm {
  Field field = Field::name;
  std::string key;  // of an attribute
  Comparison comparison = Comparison::equal;
  std::vector<std::string> values;  // patterns as fits_pattern() has them; plain text for < <= > >=
};

struct FilterNode {
  enum class Kind : std::uint8_t { term, all, any };
  Kind kind = Kind::term;
  FilterTerm term;
  std::vector<FilterNode> children;  // of all and any: at least two
};

class Filter {
 public:
  // Errors: kFilterSyntax, kFilterField, kFilterOperator, kFilterValue, kFilterTooLarge; the message names the position, counted from 1.
  static Result<Filter> parse(std::string_view text);
  const std::string& text() const { return text_; }
  const FilterNode& root() const { return root_; }
  // Whether a device matches changes only with what is known of it, as events tell. Not so for filters that ask for times or how its last
  // update ended; groups and rollouts refuse those.
  Result<> check_steady() const;     // kFilterUnsteady
  Result<> check_for_group() const;  // that, and that it does not lean on other groups
  bool uses(Field field) const;
  bool matches(const DeviceFacts& device, std::uint64_t now_ms) const;

 private:
  Filter(std::string text, FilterNode root) : text_(std::move(text)), root_(std::move(root)) {}
  std::string text_;
  FilterNode root_;
};

bool is_time(Field field);
// The number that a value of a time field stands for. The value has been checked by parse().
std::uint64_t time_value(std::string_view value, std::uint64_t now_ms);

}  // namespace aloft::fleet
