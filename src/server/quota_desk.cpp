#include "server/quota_desk.hpp"

#include "fleet/errors.hpp"

namespace aloft::server {
namespace {

using fleet::Quota;

std::size_t place(Quota quota) { return static_cast<std::size_t>(quota); }

httpd::Awaitable<Result<httpd::Response>> tell(httpd::Response response) { co_return response; }

}  // namespace

void QuotaDesk::set(const fleet::Limits& limits) {
  const bool same_rate = limits.of(Quota::requests_per_s) == limits_.of(Quota::requests_per_s);
  limits_ = limits;
  store_.set_limits(limits);
  if (!same_rate) rate_.set(limits.of(Quota::requests_per_s));
}

Result<fleet::QuotaUse> QuotaDesk::use() const {
  fleet::QuotaUse use = TRY(store_.quota_use());
  for (std::size_t at = 0; at < fleet::kQuotas; ++at) use.refused[at] += refused_[at];
  return use;
}

QuotaDesk::Room::~Room() {
  if (desk_ == nullptr) return;
  for (std::size_t at = 0; at < fleet::kQuotas; ++at) desk_->reserved_[at] -= amounts_[at];
}

Result<QuotaDesk::Room> QuotaDesk::reserve(Upload what, std::uint64_t size_bytes) {
  fleet::Amounts wanted{};
  wanted[place(Quota::artifact_bytes)] = size_bytes;
  wanted[place(Quota::releases)] = what == Upload::release ? 1 : 0;
  if (!limits_.none()) {
    fleet::Amounts before = TRY(store_.quota_use()).used;
    fleet::Amounts after{};
    for (std::size_t at = 0; at < fleet::kQuotas; ++at) {
      before[at] += reserved_[at];
      after[at] = before[at] + wanted[at];
    }
    std::optional<Quota> over;
    const Result<> fits = fleet::check_growth(limits_, before, after, &over);
    if (over) ++refused_[place(*over)];
    if (!fits) return std::unexpected(fits.error());
  }
  for (std::size_t at = 0; at < fleet::kQuotas; ++at) reserved_[at] += wanted[at];
  return Room(this, wanted);
}

std::optional<httpd::Response> QuotaDesk::refusal(const httpd::Request& request) {
  if (!limits_.of(Quota::requests_per_s)) return std::nullopt;
  const Result<fleet::AccessToken> token = access_.identify(request);
  const std::uint64_t who = token ? token->id : 0;  // strangers are one
  const auto wait = rate_.take(who, access_.clock().steady());
  if (!wait) return std::nullopt;
  ++refused_[place(Quota::requests_per_s)];
  const Error error{fleet::kQuotaRate, "this site may make " + std::to_string(*limits_.of(Quota::requests_per_s)) +
                                           " requests a second, and one of its users half of that; ask less often, or for more at once"};
  return httpd::busy_response(429, error, *wait);
}

httpd::Handler QuotaDesk::around(const httpd::Route& route, httpd::Handler handler) {
  if (!route.pattern.starts_with("/api/v1/")) return handler;
  return [this, handler = std::move(handler)](httpd::Request& request) {
    if (auto refused = refusal(request)) return tell(*std::move(refused));
    return handler(request);
  };
}

Error for_stranger(Error error) {
  if (error.code.number == fleet::kQuotaReached.number) error.code = fleet::kQuotaDevices;
  return error;
}

}  // namespace aloft::server
