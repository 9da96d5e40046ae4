// A site's quotas at work: given to the store, which holds them in its transactions; held for uploads before their bytes come, and for
// the rate of requests.
#pragma once

#include "fleet/store.hpp"
#include "httpd/router.hpp"
#include "server/operator_access.hpp"
#include "server/request_rate.hpp"

namespace aloft::server {

// On the loop's thread.
class QuotaDesk {
 public:
  // Both outlive it.
  QuotaDesk(fleet::Store& store, OperatorAccess& access) : store_(store), access_(access) {}
  void set(const fleet::Limits& limits);
  const fleet::Limits& limits() const { return limits_; }
  Result<fleet::QuotaUse> use() const;

  // Room for what is being uploaded, so that two uploads that fit one by one but not together are not both taken in.
  class Room {
   public:
    Room(Room&& other) noexcept : desk_(std::exchange(other.desk_, nullptr)), amounts_(other.amounts_) {}
    Room& operator=(Room&&) = delete;
    ~Room();

   private:
    friend class QuotaDesk;
    Room(QuotaDesk* desk, const fleet::Amounts& amounts) : desk_(desk), amounts_(amounts) {}
    QuotaDesk* desk_;
    fleet::Amounts amounts_;
  };
  enum class Upload : std::uint8_t { release, delta };
  // Kept until the result goes. Errors: kQuotaBytes, kQuotaReached.
  Result<Room> reserve(Upload what, std::uint64_t size_bytes);

  // The handler for the route: at routes of people and scripts, requests over the rate are told when to come again, before anything else
  // is done for them.
  httpd::Handler around(const httpd::Route& route, httpd::Handler handler);

 private:
  std::optional<httpd::Response> refusal(const httpd::Request& request);
  fleet::Store& store_;
  OperatorAccess& access_;
  fleet::Limits limits_;
  fleet::Amounts reserved_{};
  fleet::Amounts refused_{};
  RequestRate rate_;
};

// What a device that the server does not know yet is told when there is no room: that it may come again. Other errors as they are.
Error for_stranger(Error error);
inline constexpr std::chrono::seconds kStrangersWait{300};

}  // namespace aloft::server
