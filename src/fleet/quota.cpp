#include "fleet/quota.hpp"

#include <algorithm>
#include <string>

#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

// By Quota. least: nobody could be let in, or keep anything, with less.
struct QuotaRow {
  std::string_view name;
  std::uint64_t least;
};
constexpr std::array<QuotaRow, kQuotas> kQuotaRows{{{"devices", 0},
                                                    {"artifact_bytes", 0},
                                                    {"releases", 0},
                                                    {"rollouts", 0},
                                                    {"groups", 0},
                                                    {"users", 1},
                                                    {"api_tokens", 0},
                                                    {"enrolment_tokens", 0},
                                                    {"webhooks", 0},
                                                    {"log_bytes", kLeastLogBytes},
                                                    {"requests_per_s", 2}}};

std::string all_names() {
  std::string names;
  for (const QuotaRow& row : kQuotaRows) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

}  // namespace

std::string_view to_string(Quota quota) { return kQuotaRows[static_cast<std::size_t>(quota)].name; }

Result<Quota> quota_of(std::string_view name) {
  const auto found = std::ranges::find(kQuotaRows, name, &QuotaRow::name);
  if (found == kQuotaRows.end()) return fail(kQuotaWrong, "there is no quota \"" + std::string(name) + "\"; there are " + all_names());
  return static_cast<Quota>(found - kQuotaRows.begin());
}

Result<> Limits::set(Quota quota, std::optional<std::uint64_t> limit) {
  const QuotaRow& row = kQuotaRows[static_cast<std::size_t>(quota)];
  if (limit && (*limit < row.least || *limit > kMaxLimit))
    return fail(kQuotaWrong, std::string(row.name) + " must be from " + std::to_string(row.least) + " to " + std::to_string(kMaxLimit));
  limits_[static_cast<std::size_t>(quota)] = limit;
  return {};
}

Json to_json(const Limits& limits) {
  Json json = Json::object();
  for (std::size_t at = 0; at < kQuotas; ++at)
    if (const auto& limit = limits.of(static_cast<Quota>(at))) json[std::string(kQuotaRows[at].name)] = *limit;
  return json;
}

Result<Limits> changed_limits(Limits limits, const Json& json) {
  JsonObject object = TRY(JsonObject::of(json, "quotas"));
  for (const auto& [name, value] : json.items()) {
    const Quota quota = TRY(quota_of(name));
    TRY(limits.set(quota, value.is_null() ? std::optional<std::uint64_t>{} : TRY(object.number(name.c_str()))));
  }
  return limits;
}

Result<> check_growth(const Limits& limits, const Amounts& before, const Amounts& after, std::optional<Quota>* over) {
  for (std::size_t at = 0; at < kQuotas; ++at) {
    const auto quota = static_cast<Quota>(at);
    const auto& limit = limits.of(quota);
    if (!limit || after[at] <= before[at] || after[at] <= *limit) continue;
    if (over != nullptr) *over = quota;
    const bool bytes = quota == Quota::artifact_bytes;
    return fail(bytes ? kQuotaBytes : kQuotaReached, "the quota \"" + std::string(kQuotaRows[at].name) + "\" is " + std::to_string(*limit) +
                                                         ", " + std::to_string(before[at]) + " are in use, and this would make it " +
                                                         std::to_string(after[at]) +
                                                         "; delete what is no longer needed, or ask who runs the server for more");
  }
  return {};
}

}  // namespace aloft::fleet
