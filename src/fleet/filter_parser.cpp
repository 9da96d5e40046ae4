// Recursive descent over RSQL (https://github.com/jirutka/rsql-parser, grammar in its README):
//   or := and ((',' | ' or ') and)*;  and := part ((';' | ' and ') part)*;  part := '(' or ')' | selector operator values
#include <algorithm>
#include <array>
#include <charconv>

#include "fleet/errors.hpp"
#include "fleet/filter.hpp"
#include "fleet/filter_fields.hpp"

namespace aloft::fleet {
namespace {

struct Operator {
  std::string_view text;
  Comparison comparison;
};
// Longer ones before those that they begin with.
constexpr std::array<Operator, 15> kOperators{{{"=is=", Comparison::is_null},
                                               {"=not=", Comparison::not_null},
                                               {"=in=", Comparison::in},
                                               {"=out=", Comparison::not_in},
                                               {"=lt=", Comparison::less},
                                               {"=le=", Comparison::less_equal},
                                               {"=gt=", Comparison::greater},
                                               {"=ge=", Comparison::greater_equal},
                                               {"=li=", Comparison::equal},
                                               {"==", Comparison::equal},
                                               {"!=", Comparison::not_equal},
                                               {"<=", Comparison::less_equal},
                                               {">=", Comparison::greater_equal},
                                               {"<", Comparison::less},
                                               {">", Comparison::greater}}};
constexpr std::string_view kReserved = "\"'();,=!~<> \t";

bool is_order(Comparison comparison) { return comparison >= Comparison::less && comparison <= Comparison::greater_equal; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<FilterNode> parse() {
    FilterNode root = TRY(parse_any(0));
    skip_spaces();
    if (at_ < text_.size()) return wrong(kFilterSyntax, "expected ';', ',' or the end here");
    return root;
  }

 private:
  std::unexpected<Error> wrong(const ErrorCode& code, const std::string& what) const { return wrong_at(code, at_, what); }
  static std::unexpected<Error> wrong_at(const ErrorCode& code, std::size_t at, const std::string& what) {
    return fail(code, "the filter, at position " + std::to_string(at + 1) + ": " + what);
  }

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  // The sign, or the word between spaces.
  bool take_connective(char sign, std::string_view word) {
    const std::size_t before = at_;
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == sign) {
      ++at_;
      return true;
    }
    const std::size_t end = at_ + word.size();
    if (at_ > before && text_.substr(at_).starts_with(word) && end < text_.size() && (text_[end] == ' ' || text_[end] == '(')) {
      at_ = end;
      return true;
    }
    at_ = before;
    return false;
  }

  static FilterNode joined(FilterNode::Kind kind, std::vector<FilterNode> parts) {
    if (parts.size() == 1) return std::move(parts.front());
    return FilterNode{.kind = kind, .term = {}, .children = std::move(parts)};
  }

  Result<FilterNode> parse_any(std::size_t depth) {
    std::vector<FilterNode> parts;
    do parts.push_back(TRY(parse_all(depth)));
    while (take_connective(',', "or"));
    return joined(FilterNode::Kind::any, std::move(parts));
  }

  Result<FilterNode> parse_all(std::size_t depth) {
    std::vector<FilterNode> parts;
    do parts.push_back(TRY(parse_part(depth)));
    while (take_connective(';', "and"));
    return joined(FilterNode::Kind::all, std::move(parts));
  }

  Result<FilterNode> parse_part(std::size_t depth) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != '(')
      return FilterNode{.kind = FilterNode::Kind::term, .term = TRY(parse_term()), .children = {}};
    if (depth + 1 >= kMaxFilterDepth) return wrong(kFilterTooLarge, "more than " + std::to_string(kMaxFilterDepth) + " parentheses deep");
    ++at_;
    FilterNode inner = TRY(parse_any(depth + 1));
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != ')') return wrong(kFilterSyntax, "expected ')' here");
    ++at_;
    return inner;
  }

  Result<FilterTerm> parse_term() {
    const std::size_t start = at_;
    while (at_ < text_.size() && !kReserved.contains(text_[at_])) ++at_;
    const std::string_view selector = text_.substr(start, at_ - start);
    if (selector.empty()) return wrong(kFilterSyntax, "expected a field's name here");
    const auto name = field_of(selector);
    if (!name) return wrong_at(kFilterField, start, "\"" + std::string(selector) + "\" is no field; there are: " + field_names());
    const auto comparison = TRY(parse_operator());
    FilterTerm term{.field = name->field, .key = name->key, .comparison = comparison, .values = {}};
    const std::size_t values_at = at_;
    TRY(parse_values(term));
    TRY(check_values(term, values_at));
    terms_ += std::max<std::size_t>(term.values.size(), 1);
    if (terms_ > kMaxFilterTerms)
      return wrong_at(kFilterTooLarge, start,
                      "more than " + std::to_string(kMaxFilterTerms) + " comparisons; put the devices into a group");
    return term;
  }

  Result<Comparison> parse_operator() {
    skip_spaces();
    for (const Operator& candidate : kOperators)
      if (text_.substr(at_).starts_with(candidate.text)) {
        at_ += candidate.text.size();
        skip_spaces();
        return candidate.comparison;
      }
    return wrong(kFilterOperator, "expected one of == != < <= > >= =lt= =le= =gt= =ge= =in= =out= =li= =is= =not=");
  }

  Result<> parse_values(FilterTerm& term) {
    const bool list = term.comparison == Comparison::in || term.comparison == Comparison::not_in;
    if (!list) {
      term.values.push_back(TRY(parse_value()));
      return {};
    }
    if (at_ >= text_.size() || text_[at_] != '(') return wrong(kFilterSyntax, "expected '(' and a list of values here");
    do {
      ++at_;
      skip_spaces();
      term.values.push_back(TRY(parse_value()));
      skip_spaces();
    } while (at_ < text_.size() && text_[at_] == ',');
    if (at_ >= text_.size() || text_[at_] != ')') return wrong(kFilterSyntax, "expected ',' or ')' here");
    ++at_;
    return {};
  }

  // As a pattern: what is an asterisk or backslash in the text itself is escaped.
  Result<std::string> parse_value() {
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) return parse_quoted();
    const std::size_t start = at_;
    std::string value;
    while (at_ < text_.size() && !kReserved.contains(text_[at_])) {
      if (text_[at_] == '\\') value += '\\';
      value += text_[at_++];
    }
    if (at_ == start) return wrong(kFilterSyntax, "expected a value here");
    return value;
  }

  Result<std::string> parse_quoted() {
    const std::size_t start = at_;
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      const bool escaped = text_[at_] == '\\' && at_ + 1 < text_.size();
      if (escaped) ++at_;
      const char c = text_[at_++];
      if (c == '\\' || (escaped && c == '*')) value += '\\';
      value += c;
    }
    if (at_ >= text_.size()) return wrong_at(kFilterSyntax, start, "the value that begins here has no closing quote");
    ++at_;
    return value;
  }

  static std::string without_escapes(const std::string& pattern) {
    std::string text;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
      text += pattern[i];
    }
    return text;
  }

  static std::size_t wildcards(const std::string& pattern) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '*') ++count;
      if (pattern[i] == '\\') ++i;
    }
    return count;
  }

  static Result<> check_values(FilterTerm& term, std::size_t at) {
    if (term.comparison == Comparison::is_null || term.comparison == Comparison::not_null) {
      if (term.values.front() != "null") return wrong_at(kFilterValue, at, "=is= and =not= take only: null");
      term.values.clear();
      return {};
    }
    for (std::string& value : term.values) {
      if (is_order(term.comparison)) value = without_escapes(value);
      if (!is_order(term.comparison) && wildcards(value) > kMaxWildcards)
        return wrong_at(kFilterValue, at, "a value may have at most " + std::to_string(kMaxWildcards) + " asterisks");
      if (is_time(term.field) && !is_time_value(value))
        return wrong_at(kFilterValue, at, "a time is milliseconds since 1970, ${NOW_TS} or ${OVERDUE_TS}");
    }
    return {};
  }

  static bool is_time_value(std::string_view value) {
    if (value == kNowValue || value == kOverdueValue) return true;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    return error == std::errc{} && end == value.data() + value.size() && number >= 0;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t terms_ = 0;
};

}  // namespace

Result<Filter> Filter::parse(std::string_view text) {
  if (text.size() > kMaxFilterBytes)
    return fail(kFilterTooLarge, "a filter has at most " + std::to_string(kMaxFilterBytes) + " bytes, this one has " +
                                     std::to_string(text.size()) + "; put the devices into a group");
  const auto control = std::ranges::find_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; });
  if (control != text.end())
    return fail(kFilterSyntax, "the filter, at position " + std::to_string(control - text.begin() + 1) + ": a control character");
  return Filter(std::string(text), TRY(Parser(text).parse()));
}

}  // namespace aloft::fleet
