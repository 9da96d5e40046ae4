#include "protocol/install_policy.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/errors.hpp"

namespace aloft::protocol {
namespace {

constexpr std::array<std::string_view, 7> kDays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr unsigned kMinutesOfDay = 24 * 60;

std::string clock_text(unsigned minute) {
  char text[8];
  std::snprintf(text, sizeof text, "%02u:%02u", minute / 60 % 24, minute % 60);
  return text;
}

Result<std::uint16_t> minute_of(const std::string& text) {
  const auto digit = [&text](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  const bool good = text.size() == 5 && text[2] == ':' && digit(0) && digit(1) && digit(3) && digit(4);
  const unsigned hour = good ? static_cast<unsigned>((text[0] - '0') * 10 + (text[1] - '0')) : 99;
  const unsigned minute = good ? static_cast<unsigned>((text[3] - '0') * 10 + (text[4] - '0')) : 99;
  if (hour > 23 || minute > 59) return fail(kBadJson, "window: a time of day is HH:MM, 00:00 to 23:59");
  return static_cast<std::uint16_t>(hour * 60 + minute);
}

Result<MaintenanceWindow> window_of(const Json& json) {
  auto object = TRY(JsonObject::of(json, "window"));
  MaintenanceWindow window;
  window.from_minute = TRY(minute_of(TRY(object.text("from", 8))));
  window.until_minute = TRY(minute_of(TRY(object.text("until", 8))));
  const Json* days = TRY(object.optional_array("days", kDays.size()));
  if (days == nullptr) return window;
  window.days = 0;
  for (const Json& day : *days) {
    const auto found = day.is_string() ? std::ranges::find(kDays, std::string_view(day.get_ref<const std::string&>())) : kDays.end();
    if (found == kDays.end()) return fail(kBadJson, "window: \"days\" are mon, tue, wed, thu, fri, sat, sun");
    window.days = static_cast<std::uint8_t>(window.days | (1U << (found - kDays.begin())));
  }
  if (window.days == 0) return fail(kBadJson, "window: \"days\" must name at least one day");
  return window;
}

}  // namespace

Json to_json(const DownloadPolicy& policy) {
  Json json = Json::object();
  if (policy.budget_bytes) json["budget_bytes"] = *policy.budget_bytes;
  if (policy.metered_budget_bytes) json["metered_budget_bytes"] = *policy.metered_budget_bytes;
  if (policy.metered_wait) json["metered"] = "wait";
  return json;
}

Json to_json(const InstallPolicy& policy) {
  Json json = Json::object();
  if (policy.consent) json["consent"] = true;
  if (policy.download_only) json["download_only"] = true;
  if (Json download = to_json(policy.download); !download.empty()) json["download"] = std::move(download);
  if (!policy.window) return json;
  Json days = Json::array();
  for (std::size_t day = 0; day < kDays.size(); ++day)
    if ((unsigned{policy.window->days} >> day & 1U) != 0) days.push_back(kDays[day]);
  json["window"] =
      Json{{"days", std::move(days)}, {"from", clock_text(policy.window->from_minute)}, {"until", clock_text(policy.window->until_minute)}};
  return json;
}

template <>
Result<DownloadPolicy> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "download"));
  DownloadPolicy policy{.budget_bytes = TRY(object.optional_number("budget_bytes", INT64_MAX)),
                        .metered_budget_bytes = TRY(object.optional_number("metered_budget_bytes", INT64_MAX))};
  const auto metered = TRY(object.optional_text("metered", 16));
  if (metered && *metered != "wait" && *metered != "use") return fail(kBadJson, "download: \"metered\" is use or wait");
  policy.metered_wait = metered == "wait";
  return policy;
}

template <>
Result<InstallPolicy> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "policy"));
  InstallPolicy policy{.window = {}, .consent = TRY(object.optional_boolean("consent")).value_or(false)};
  policy.download_only = TRY(object.optional_boolean("download_only")).value_or(false);
  if (const Json* download = TRY(object.optional_object("download")); download != nullptr)
    policy.download = TRY(from_json<DownloadPolicy>(*download));
  if (const Json* window = TRY(object.optional_object("window")); window != nullptr) policy.window = TRY(window_of(*window));
  return policy;
}

bool is_open(const MaintenanceWindow& window, unsigned weekday, unsigned minute_of_day) {
  const auto has = [&window](unsigned day) { return (window.days >> (day % 7) & 1U) != 0; };
  const unsigned length = (window.until_minute + kMinutesOfDay - window.from_minute - 1) % kMinutesOfDay + 1;
  // Begun today, or yesterday and still going on.
  if (has(weekday) && minute_of_day >= window.from_minute && minute_of_day < window.from_minute + length) return true;
  return has(weekday + 6) && minute_of_day + kMinutesOfDay < window.from_minute + length;
}

}  // namespace aloft::protocol
