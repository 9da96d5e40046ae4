#include "ddi/local_hour.hpp"

#include <charconv>

namespace aloft::ddi {
namespace {

std::optional<int> number_of(std::string_view digits, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || digits.size() > 2 || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (value < 0 || value > max) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int> utc_offset_minutes(std::string_view text) {
  if (text == "Z" || text == "UTC") return 0;
  if (text.size() < 2 || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const std::size_t colon = text.find(':');
  const std::size_t hour_digits = colon != std::string_view::npos ? colon : text.size() > 2 ? text.size() - 2 : text.size();
  const auto hours = number_of(text.substr(0, hour_digits), 14);
  text.remove_prefix(colon != std::string_view::npos ? colon + 1 : hour_digits);
  const auto minutes = text.empty() && colon == std::string_view::npos ? std::optional(0) : number_of(text, 59);
  if (!hours || !minutes) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

bool is_open_at(const protocol::MaintenanceWindow& window, std::uint64_t time_ms, int offset_minutes) {
  constexpr std::int64_t kDay = 24 * 60;
  const std::int64_t minutes = static_cast<std::int64_t>(time_ms / 60'000) + offset_minutes;
  const std::int64_t day = minutes / kDay;
  // The first of January 1970 was a Thursday.
  return protocol::is_open(window, static_cast<unsigned>((day + 3) % 7), static_cast<unsigned>(minutes % kDay));
}

}  // namespace aloft::ddi
