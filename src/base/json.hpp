// JSON, strict: duplicate keys, depth, trailing text and bad UTF-8 are errors, not guesses.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aloft {

using Json = nlohmann::json;  // objects sort their keys, so the same value is always written as the same bytes

// Parses one JSON value that fills the text. Errors: kBadJson, with the position.
Result<Json> parse_json(std::string_view text, std::size_t max_depth = 16);

// Reads the members of one object and notices those that nobody asked for.
//   JsonObject object = TRY(JsonObject::of(json, "manifest"));
//   product = TRY(object.text("product"));
//   TRY(object.no_more());              // unknown members are an error; those that start with "x-" never are
// Errors everywhere: kBadJson, naming the member. Keeps a reference to the value, which must outlive it.
class JsonObject {
 public:
  static Result<JsonObject> of(const Json& value, std::string_view name);
  Result<std::string> text(const char* key, std::size_t max_bytes = 4096);
  Result<std::optional<std::string>> optional_text(const char* key, std::size_t max_bytes = 4096);
  // An integer from 0 to max; numbers with a fraction or exponent are refused.
  Result<std::uint64_t> number(const char* key, std::uint64_t max = UINT64_MAX);
  Result<std::optional<std::uint64_t>> optional_number(const char* key, std::uint64_t max = UINT64_MAX);
  Result<bool> boolean(const char* key);
  Result<std::optional<bool>> optional_boolean(const char* key);
  Result<const Json*> array(const char* key, std::size_t max_count);
  Result<const Json*> optional_array(const char* key, std::size_t max_count);  // nullptr when absent
  Result<const Json*> object(const char* key);
  Result<const Json*> optional_object(const char* key);  // nullptr when absent
  Result<> no_more() const;

 private:
  JsonObject(const Json& value, std::string_view name) : value_(&value), name_(name) {}
  const Json* find(const char* key);
  std::unexpected<Error> wrong(const char* key, std::string_view expected) const;
  const Json* value_;
  std::string name_;
  std::vector<std::string> known_;
};

}  // namespace aloft
