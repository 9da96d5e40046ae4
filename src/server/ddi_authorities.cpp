#include "server/ddi_authorities.hpp"

#include <atomic>

#include "server/errors.hpp"

namespace aloft::server {
namespace {

constexpr std::chrono::minutes kJudgementLife{1};

}  // namespace

Result<> DdiAuthorities::load(fleet::Store& store) {
  take(TRY(prepare(TRY(store.setting(kAuthoritiesSetting)).value_or(""))));
  return {};
}

Result<std::optional<crypto::ClientAuthorities>> DdiAuthorities::prepare(const std::string& pem) const {
  if (pem.empty() && given_.empty()) return std::nullopt;
  if (!pem.empty()) TRY(crypto::ClientAuthorities::from_pem(pem));  // by itself, so that it is good without what is given, too
  return TRY(crypto::ClientAuthorities::from_pem(given_ + "\n" + pem));
}

void DdiAuthorities::take(std::optional<crypto::ClientAuthorities> authorities) {
  static std::atomic<std::uint64_t> taken = 0;
  authorities_ = std::move(authorities);
  number_ = ++taken;
}

std::size_t DdiAuthorities::given_count() const {
  return given_.empty() ? 0 : crypto::Certificate::list_from_pem(given_).value_or(std::vector<crypto::Certificate>{}).size();
}

std::optional<std::span<const crypto::Certificate>> DdiAuthorities::asked() const {
  if (!authorities_) return std::nullopt;
  return authorities_->certificates();
}

Result<std::string> DdiAuthorities::judged(const httpd::ClientCertificate& shown, WallTime now) const {
  if (!authorities_) return fail(kDeviceCertificate, "no certificates are taken here; use a token");
  if (const Result<> good = authorities_->check(shown.chain, now); !good)
    return fail(kDeviceCertificate, "the certificate that was shown does not count here: " + good.error().text());
  return shown.chain.front().common_name();
}

Result<std::string> DdiAuthorities::name_in(httpd::ClientCertificate& shown) const {
  const WallTime now = clock_.now();
  auto& last = shown.judgement;
  const bool holds = last.by == number_ && last.at <= now && now < last.at + kJudgementLife;
  if (!holds) last = {.by = number_, .at = now, .name = judged(shown, now)};
  return last.name;
}

}  // namespace aloft::server
