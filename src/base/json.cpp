#include "base/json.hpp"

#include <algorithm>
#include <set>

#include "base/errors.hpp"

namespace aloft {
namespace {

// Builds nothing: finds duplicate keys and too deep nesting before the real parse.
class Inspector final : public nlohmann::json_sax<Json> {
 public:
  explicit Inspector(std::size_t max_depth) : max_depth_(max_depth) {}
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return enter();
  }
  bool key(string_t& name) override {
    if (keys_.back().insert(name).second) return true;
    problem = "the key \"" + name + "\" stands twice in one object";
    return false;
  }
  bool end_object() override {
    keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    problem = "not JSON at byte " + std::to_string(position);
    return false;
  }
  std::string problem;

 private:
  bool enter() {
    if (++depth_ <= max_depth_) return true;
    problem = "nested deeper than " + std::to_string(max_depth_) + " levels";
    return false;
  }
  std::size_t max_depth_;
  std::size_t depth_ = 0;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::size_t max_depth) {
  Inspector inspector(max_depth);
  if (text.starts_with("\xef\xbb\xbf")) return fail(kBadJson, "JSON must not begin with a byte order mark");
  if (!Json::sax_parse(text, &inspector)) return fail(kBadJson, inspector.problem);
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return fail(kBadJson, "not JSON");
  return value;
}

Result<JsonObject> JsonObject::of(const Json& value, std::string_view name) {
  if (!value.is_object()) return fail(kBadJson, std::string(name) + " must be a JSON object");
  return JsonObject(value, name);
}

const Json* JsonObject::find(const char* key) {
  known_.emplace_back(key);
  const auto found = value_->find(key);
  return found == value_->end() ? nullptr : &*found;
}

std::unexpected<Error> JsonObject::wrong(const char* key, std::string_view expected) const {
  return fail(kBadJson, name_ + ": \"" + key + "\" must be " + std::string(expected));
}

Result<std::optional<std::string>> JsonObject::optional_text(const char* key, std::size_t max_bytes) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string() || value->get_ref<const std::string&>().size() > max_bytes)
    return wrong(key, "text of at most " + std::to_string(max_bytes) + " bytes");
  return value->get<std::string>();
}

Result<std::string> JsonObject::text(const char* key, std::size_t max_bytes) {
  auto value = TRY(optional_text(key, max_bytes));
  if (!value) return wrong(key, "given");
  return *std::move(value);
}

Result<std::optional<std::uint64_t>> JsonObject::optional_number(const char* key, std::uint64_t max) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() > max)
    return wrong(key, "a whole number from 0 to " + std::to_string(max));
  return value->get<std::uint64_t>();
}

Result<std::uint64_t> JsonObject::number(const char* key, std::uint64_t max) {
  const auto value = TRY(optional_number(key, max));
  if (!value) return wrong(key, "given");
  return *value;
}

Result<std::optional<bool>> JsonObject::optional_boolean(const char* key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) return wrong(key, "true or false");
  return value->get<bool>();
}

Result<bool> JsonObject::boolean(const char* key) {
  const auto value = TRY(optional_boolean(key));
  if (!value) return wrong(key, "given");
  return *value;
}

Result<const Json*> JsonObject::optional_array(const char* key, std::size_t max_count) {
  const Json* value = find(key);
  if (value == nullptr) return nullptr;
  if (!value->is_array() || value->size() > max_count) return wrong(key, "an array of at most " + std::to_string(max_count) + " elements");
  return value;
}

Result<const Json*> JsonObject::array(const char* key, std::size_t max_count) {
  const Json* value = TRY(optional_array(key, max_count));
  if (value == nullptr) return wrong(key, "given");
  return value;
}

Result<const Json*> JsonObject::optional_object(const char* key) {
  const Json* value = find(key);
  if (value != nullptr && !value->is_object()) return wrong(key, "an object");
  return value;
}

Result<const Json*> JsonObject::object(const char* key) {
  const Json* value = TRY(optional_object(key));
  if (value == nullptr) return wrong(key, "given");
  return value;
}

Result<> JsonObject::no_more() const {
  for (const auto& [key, value] : value_->items())
    if (!key.starts_with("x-") && std::ranges::find(known_, key) == known_.end())
      return fail(kBadJson, name_ + ": \"" + key + "\" is not known to this version; it was made for a newer one");
  return {};
}

}  // namespace aloft
