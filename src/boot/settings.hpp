// What [boot] in system.toml says for one boot loader, checked against its row in loaders.cpp.
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace aloft::boot {

enum class SettingKind : std::uint8_t {
  path,      // absolute
  text,      // not empty
  number,    // least to most
  choice,    // one of choices
  per_slot,  // a table [boot.KEY] with one text or number for each group, as "A = 2"
};

// One key that a boot loader allows.
struct Setting {
  std::string_view key;
  SettingKind kind;
  bool required = false;
  std::string_view fallback = "";  // taken where the key is not given; empty: none
  std::string_view choices = "";   // "boot-order|bootcount"
  std::int64_t least = 0;
  std::int64_t most = 0;
};

// The values by key, fallbacks filled in. Those of a per_slot key have "KEY.SLOT".
class Settings {
 public:
  void set(std::string key, std::string value) { values_.insert_or_assign(std::move(key), std::move(value)); }
  bool has(std::string_view key) const { return values_.contains(key); }
  // Empty where it is not given.
  std::string text(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? std::string() : found->second;
  }
  std::string of_slot(std::string_view key, std::string_view slot) const { return text(std::string(key) + "." + std::string(slot)); }
  // 0 where it is not given.
  std::uint64_t number(std::string_view key) const {
    const std::string digits = text(key);
    std::uint64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }
  const std::map<std::string, std::string, std::less<>>& all() const { return values_; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace aloft::boot
