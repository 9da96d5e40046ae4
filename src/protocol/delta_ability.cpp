#include "protocol/delta_ability.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/errors.hpp"

namespace aloft::protocol {
namespace {

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

std::string to_text(const DeltaAbility& ability) {
  std::string text = std::to_string(ability.format);
  for (const auto& [name, version] : ability.compressors) text += " " + name + "=" + std::to_string(version);
  return text;
}

Result<DeltaAbility> delta_ability_of(std::string_view text) {
  if (text.size() > kMaxDeltaAbilityBytes) return fail(kBadJson, std::string(kDeltaHeader) + " is too long");
  const auto format = number_of(next_word(text));
  if (!format || *format == 0) return fail(kBadJson, std::string(kDeltaHeader) + " must begin with a version of the delta format");
  DeltaAbility ability{.format = *format, .compressors = {}};
  for (std::string_view word = next_word(text); !word.empty(); word = next_word(text)) {
    const auto equals = word.find('=');
    if (equals == std::string_view::npos || !is_name(word.substr(0, equals))) continue;
    if (const auto version = number_of(word.substr(equals + 1))) ability.compressors.emplace(word.substr(0, equals), *version);
  }
  return ability;
}

DeltaAbility told_ability(std::string_view header) { return delta_ability_of(header).value_or(DeltaAbility{}); }

bool suffices(const DeltaAbility& has, const DeltaAbility& needs) {
  return needs.format <= has.format && std::ranges::includes(has.compressors, needs.compressors);
}

}  // namespace aloft::protocol
