// What one tenant may have at most, so that it leaves room for the others, and what it has.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"

namespace aloft::fleet {

enum class Quota : std::uint8_t {
  devices,           // that the server knows, whatever their status
  artifact_bytes,    // of releases and deltas
  releases,          //
  rollouts,          // that have not ended
  groups,            //
  users,             //
  api_tokens,        // sessions are none
  enrolment_tokens,  // that no device has used yet
  webhooks,          //
  log_bytes,         // that devices sent; the oldest make room for the newest, so that none is refused
  requests_per_s,    // of people and scripts; devices' are not counted
};
inline constexpr std::size_t kQuotas = 11;
inline constexpr std::uint64_t kMaxLimit = 1ULL << 60;
inline constexpr std::uint64_t kLeastLogBytes = 1U << 20;

// "devices", "artifact_bytes", ...; the same in the store, in JSON and on command lines.
std::string_view to_string(Quota quota);
Result<Quota> quota_of(std::string_view name);  // kQuotaWrong

using Amounts = std::array<std::uint64_t, kQuotas>;  // by Quota

// None where there is no limit.
class Limits {
 public:
  const std::optional<std::uint64_t>& of(Quota quota) const { return limits_[static_cast<std::size_t>(quota)]; }
  // Errors: kQuotaWrong: nobody could work with such a limit.
  Result<> set(Quota quota, std::optional<std::uint64_t> limit);
  bool none() const { return *this == Limits{}; }
  bool operator==(const Limits&) const = default;

 private:
  std::array<std::optional<std::uint64_t>, kQuotas> limits_{};
};

// {"devices": 500}; those without a limit are left out.
Json to_json(const Limits& limits);
// With what the object says in place of what was: a number is the limit, null none. Errors: kQuotaWrong, kBadJson.
Result<Limits> changed_limits(Limits limits, const Json& json);

struct QuotaUse {
  Amounts used{};     // 0 where the store does not count
  Amounts refused{};  // requests, since the start
};

// Whether what rose from `before` to `after` is within the limits. Errors: kQuotaReached, kQuotaBytes; `over`, when not null, gets which.
Result<> check_growth(const Limits& limits, const Amounts& before, const Amounts& after, std::optional<Quota>* over = nullptr);

// A part of the contract of store.hpp. Limits are not kept in the store: whoever opens it sets them, and has to set them anew after the
// next start. Operations that make something fail as a whole with kQuotaReached or kQuotaBytes when they would lead above a limit; what
// does not make more of it never does, so that a limit below what is there takes nothing away.
class QuotaStore {
 public:
  virtual ~QuotaStore() = default;
  // From any thread; for the writes that begin after it.
  virtual void set_limits(const Limits& limits) = 0;
  virtual Result<QuotaUse> quota_use() = 0;
};

}  // namespace aloft::fleet
