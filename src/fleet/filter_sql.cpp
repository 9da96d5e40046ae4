#include "fleet/filter_sql.hpp"

#include <algorithm>
#include <utility>

namespace aloft::fleet {
namespace {

// As LIKE with ESCAPE '\' has it.
std::string like_pattern(const std::string& pattern) {
  std::string like;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (c == '*') {
      like += '%';
      continue;
    }
    if (c == '\\' && i + 1 < pattern.size()) c = pattern[++i];
    if (c == '%' || c == '_' || c == '\\') like += '\\';
    like += c;
  }
  return like;
}

bool has_wildcard(const std::string& pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '*') return true;
    if (pattern[i] == '\\') ++i;
  }
  return false;
}

std::string without_escapes(const std::string& pattern) {
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    text += pattern[i];
  }
  return text;
}

std::string_view order_sign(Comparison comparison) {
  switch (comparison) {
    case Comparison::less: return "<";
    case Comparison::less_equal: return "<=";
    case Comparison::greater: return ">";
    case Comparison::greater_equal: return ">=";
    default: return "";
  }
}

// update_status_of() in SQL; its numbers are those of DeviceStatus and UpdateState.
constexpr std::string_view kUpdateStatusColumn =
    "(CASE WHEN d.status<>1 THEN 'unknown' ELSE CASE (SELECT CASE WHEN p.active THEN -1 ELSE p.state END FROM deployments p "
    "WHERE p.device=d.id ORDER BY p.id DESC LIMIT 1) WHEN -1 THEN 'pending' WHEN 8 THEN 'in_sync' WHEN 9 THEN 'error' WHEN 10 THEN 'error' "
    "ELSE 'registered' END END)";

class Compiler {
 public:
  Compiler(std::uint64_t now_ms, int first_value) : now_ms_(now_ms), first_value_(first_value) {}

  std::string node(const FilterNode& node) {
    if (node.kind == FilterNode::Kind::term) return term(node.term);
    const bool all = node.kind == FilterNode::Kind::all;
    if (!all) ++alternatives_;
    std::string text = "(";
    for (const FilterNode& child : node.children) {
      if (text.size() > 1) text += all ? " AND " : " OR ";
      text += this->node(child);
    }
    if (!all) --alternatives_;
    return text + ")";
  }

  SqlCondition take(std::string text) { return {.text = std::move(text), .values = std::move(values_)}; }

 private:
  std::string place(std::variant<std::string, std::uint64_t> value) {
    values_.push_back(std::move(value));
    return "?" + std::to_string(first_value_ + static_cast<int>(values_.size()) - 1);
  }

  // The collation stands with the column: SQLite makes `a=x OR a=y` into `a IN (x,y)`, which compares as the left side says.
  std::string text_condition(const std::string& column, const FilterTerm& term) {
    if (const auto sign = order_sign(term.comparison); !sign.empty())
      return "(" + column + " COLLATE " + kNaturalCollation + std::string(sign) + place(term.values.front()) + ")";
    std::string text = "(";
    for (const std::string& value : term.values) {
      if (text.size() > 1) text += " OR ";
      if (has_wildcard(value)) {
        text += column + " LIKE " + place(like_pattern(value)) + " ESCAPE '\\'";
      } else {
        text += column + " COLLATE NOCASE=" + place(without_escapes(value));
      }
    }
    return text + ")";
  }

  std::string time_condition(const std::string& column, const FilterTerm& term) {
    if (const auto sign = order_sign(term.comparison); !sign.empty())
      return "(" + column + std::string(sign) + place(time_value(term.values.front(), now_ms_)) + ")";
    std::string text = "(";
    for (const std::string& value : term.values) {
      if (text.size() > 1) text += " OR ";
      text += column + "=" + place(time_value(value, now_ms_));
    }
    return text + ")";
  }

  // Devices that have any value in the field, or one for which `condition` holds.
  std::string one_of(const FilterTerm& term, const std::string& condition) {
    const std::string where = condition.empty() ? "1" : condition;
    switch (term.field) {
      case Field::attribute:
        // A second list of up to all devices costs more than to look at the few that the first one leaves.
        if (alternatives_ == 0 && std::exchange(listed_, true))
          return "EXISTS(SELECT 1 FROM attributes WHERE device=d.id AND key=" + place(term.key) + " AND " + where + ")";
        return "d.id IN (SELECT device FROM attributes WHERE key=" + place(term.key) + " AND " + where + ")";
      case Field::tag: return "d.id IN (SELECT device FROM tags WHERE " + where + ")";
      default:
        return "d.id IN (SELECT m.device FROM group_members m JOIN device_groups g ON g.id=m.device_group WHERE g.name NOT LIKE '.%' AND " +
               where + ")";
    }
  }

  std::string holds(const FilterTerm& term) {
    switch (term.field) {
      case Field::name: return text_condition("d.name", term);
      case Field::product: return text_condition("d.product", term);
      case Field::hardware: return text_condition("d.hardware", term);
      case Field::version: return text_condition("d.version", term);
      case Field::protocol: return text_condition("(CASE d.protocol WHEN 0 THEN 'aloft' ELSE 'hawkbit' END)", term);
      case Field::status: return text_condition("(CASE d.status WHEN 0 THEN 'pending' WHEN 1 THEN 'accepted' ELSE 'rejected' END)", term);
      case Field::update_status: return text_condition(std::string(kUpdateStatusColumn), term);
      case Field::created: return time_condition("d.created_ms", term);
      case Field::last_seen: return time_condition("d.last_seen_ms", term);
      case Field::attribute: return one_of(term, text_condition("value", term));
      case Field::tag: return one_of(term, text_condition("tag", term));
      case Field::group: return one_of(term, text_condition("g.name", term));
    }
    return "0";
  }

  std::string term(const FilterTerm& term) {
    const bool many = term.field == Field::attribute || term.field == Field::tag || term.field == Field::group;
    switch (term.comparison) {
      case Comparison::is_null: return many ? "(NOT " + one_of(term, "") + ")" : "(0)";
      case Comparison::not_null: return many ? "(" + one_of(term, "") + ")" : "(1)";
      case Comparison::not_equal:
      case Comparison::not_in: return "(NOT " + holds(term) + ")";
      default: return "(" + holds(term) + ")";
    }
  }

  std::uint64_t now_ms_;
  int first_value_;
  int alternatives_ = 0;  // how deep in them
  bool listed_ = false;   // an attribute's term stands there already as the list of its devices
  std::vector<std::variant<std::string, std::uint64_t>> values_;
};

}  // namespace

SqlCondition compile_filter(const Filter& filter, std::uint64_t now_ms, int first_value) {
  Compiler compiler(now_ms, first_value);
  std::string text = compiler.node(filter.root());
  return compiler.take(std::move(text));
}

void bind_condition(Statement& statement, const SqlCondition& condition, int first_value) {
  for (const auto& value : condition.values) {
    std::visit([&](const auto& one) { statement.bind(first_value, one); }, value);
    ++first_value;
  }
}

}  // namespace aloft::fleet
