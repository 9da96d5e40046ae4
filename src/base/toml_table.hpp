// Reads tables of TOML files strictly: every key that nobody asked for is an error.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>

// The library asserts what not every input keeps to, as fuzzing found; behind its assertions
// stand its own error checks. With NDEBUG it would even promise the compiler that they hold.
#undef NDEBUG
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include "base/config_errors.hpp"
#include "base/toml_text.hpp"

namespace aloft {

// A TOML file's content; file_name is for the error. Characters beyond ASCII must stand in strings and comments, as TOML 1.0 has it: the
// library (3.3) promises the compiler that many of them are nowhere else, nor where it skips whitespace within a string. Errors:
// kConfigSyntax.
inline Result<toml::table> parse_toml(std::string_view text, std::string_view file_name) {
  const auto wrong = [&](std::size_t line, std::string_view what) {
    return fail(kConfigSyntax, std::string(file_name) + ":" + std::to_string(line) + ": " + std::string(what));
  };
  if (const std::size_t at = find_stray_character(text); at != std::string_view::npos)
    return wrong(static_cast<std::size_t>(std::ranges::count(text.substr(0, at), '\n')) + 1,
                 "a character beyond ASCII that stands in no string and no comment, or is the first behind a backslash; put it in quotes, "
                 "or another one before it");
  toml::parse_result parsed = toml::parse(text);
  if (!parsed) return wrong(parsed.error().source().begin.line, parsed.error().description());
  return std::move(parsed).table();
}

// Reads one table's keys and notices those that nobody asked for.
class Table {
 public:
  Table(const toml::table& table, std::string name, std::string_view file) : table_(&table), name_(std::move(name)), file_(file) {}

  Result<> text(std::string_view key, std::string& out) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* value = node->as_string();
    if (value == nullptr || value->get().empty() || value->get().find('\0') != std::string::npos)
      return wrong(*node, key, "text, not empty");
    out = value->get();
    return {};
  }

  Result<> required_text(std::string_view key, std::string& out) {
    if (!table_->contains(key)) return missing(key);
    return text(key, out);
  }

  // An absolute path; allow_empty stands for "none".
  Result<> path(std::string_view key, std::filesystem::path& out, bool allow_empty = false) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* value = node->as_string();
    if (value != nullptr && value->get().empty() && allow_empty) {
      out.clear();
      return {};
    }
    if (value == nullptr || !value->get().starts_with('/') || value->get().find('\0') != std::string::npos)
      return wrong(*node, key, "an absolute path");
    out = value->get();
    return {};
  }

  template <typename Number>
  Result<> number(std::string_view key, Number& out, std::int64_t least, std::int64_t most) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* value = node->as_integer();
    if (value == nullptr || value->get() < least || value->get() > most)
      return wrong(*node, key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    out = Number(value->get());
    return {};
  }

  Result<> boolean(std::string_view key, bool& out) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* value = node->as_boolean();
    if (value == nullptr) return wrong(*node, key, "true or false");
    out = value->get();
    return {};
  }

  Result<> words(std::string_view key, std::vector<std::string>& out) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* array = node->as_array();
    if (array == nullptr || array->empty()) return wrong(*node, key, "an array of words: program and arguments");
    for (const auto& element : *array) {
      const auto* word = element.as_string();
      if (word == nullptr) return wrong(*node, key, "an array of words: program and arguments");
      out.push_back(word->get());
    }
    return {};
  }

  // One of `choices`, which are separated by '|'.
  Result<> choice(std::string_view key, std::string& out, std::string_view choices) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* value = node->as_string();
    std::string list;
    for (std::size_t at = 0; at <= choices.size();) {
      const std::size_t end = std::min(choices.find('|', at), choices.size());
      const std::string_view each = choices.substr(at, end - at);
      if (value != nullptr && value->get() == each) {
        out = each;
        return {};
      }
      list += (list.empty() ? "\"" : ", \"") + std::string(each) + "\"";
      at = end + 1;
    }
    return wrong(*node, key, list);
  }

  template <typename Number>
  Result<> two_numbers(std::string_view key, std::array<Number, 2>& out, std::int64_t least, std::int64_t most) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const std::string expected = "an array of two whole numbers from " + std::to_string(least) + " to " + std::to_string(most);
    const auto* array = node->as_array();
    if (array == nullptr || array->size() != out.size()) return wrong(*node, key, expected);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto* value = array->get(i)->as_integer();
      if (value == nullptr || value->get() < least || value->get() > most) return wrong(*node, key, expected);
      out.at(i) = Number(value->get());
    }
    return {};
  }

  // The [[key]] tables; none when absent.
  Result<std::vector<const toml::table*>> tables(std::string_view key) {
    std::vector<const toml::table*> found;
    const toml::node* node = find(key);
    if (node == nullptr) return found;
    if (!node->is_array_of_tables()) return wrong(*node, key, "tables: [[" + qualified(key) + "]]");
    for (const auto& one : *node->as_array()) found.push_back(one.as_table());
    return found;
  }

  // nullptr when absent.
  Result<const toml::table*> table(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) return wrong(*node, key, "a table: [" + qualified(key) + "]");
    return node->as_table();
  }

  // Whatever it is; nullptr when absent.
  const toml::node* node(std::string_view key) { return find(key); }

  Result<> no_more() const {
    for (const auto& [key, node] : *table_) {
      if (std::ranges::find(known_, key.str()) != known_.end()) continue;
      std::string list;
      for (const std::string& name : known_) list += (list.empty() ? "" : ", ") + name;
      return fail(kConfigUnknownKey, where(key.source()) + "unknown key \"" + qualified(key.str()) + "\"; known here: " + list);
    }
    return {};
  }

  std::unexpected<Error> wrong(const toml::node& node, std::string_view key, std::string_view expected) const {
    return fail(kConfigValue, where(node.source()) + "\"" + qualified(key) + "\" must be " + std::string(expected));
  }
  std::unexpected<Error> missing(std::string_view key) const {
    return fail(kConfigMissing, where(table_->source()) + "\"" + qualified(key) + "\" is missing");
  }
  std::string where(const toml::source_region& source) const {
    return file_ + ":" + std::to_string(std::max<std::uint32_t>(source.begin.line, 1)) + ": ";
  }
  std::string qualified(std::string_view key) const { return name_.empty() ? std::string(key) : name_ + "." + std::string(key); }
  const toml::table& get() const { return *table_; }
  const std::string& file() const { return file_; }

 private:
  const toml::node* find(std::string_view key) {
    known_.emplace_back(key);
    return table_->get(key);
  }

  const toml::table* table_;
  std::string name_;
  std::string file_;
  std::vector<std::string> known_;
};

// Reads the table `key` of `parent`, where there is one, by `read`.
template <typename Read>
Result<> section(Table& parent, const char* key, Read read) {
  const toml::table* found = TRY(parent.table(key));
  if (found == nullptr) return {};
  Table table(*found, parent.qualified(key), parent.file());
  TRY(read(table));
  return table.no_more();
}

}  // namespace aloft
