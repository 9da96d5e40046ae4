// What concerns many devices of a rollout, written in pieces: each is a commit of its own, other writes go in between, and it can be begun
// again at any time, also after a crash, without anything happening twice. On the loop's thread; long reads are not.
#pragma once

#include <functional>
#include <vector>

#include "base/clock.hpp"
#include "base/unix_time.hpp"
#include "fleet/store.hpp"
#include "httpd/bell.hpp"
#include "httpd/workers.hpp"

namespace aloft::server {

class RolloutPieces {
 public:
  enum class Outcome : std::uint8_t { complete, stopped };
  // All references outlive it.
  RolloutPieces(fleet::Store& store, httpd::Workers& disk, Clock& clock) : store_(store), disk_(disk), clock_(clock) {}
  // Those under way end behind their present piece, as `stopped`.
  void stop() { stopping_ = true; }

  // Told of what is durable. False: no more of it is wanted.
  struct Take {
    std::function<void(std::size_t)> expect;
    std::function<bool(const std::vector<fleet::Member>&)> members;
  };
  using Told = std::function<void(const std::vector<fleet::Deployment>&)>;
  // The parameters outlive the coroutine. Errors: as those of the store's functions; what was told is durable all the same.
  httpd::Awaitable<Result<Outcome>> gather(std::uint64_t rollout, const Take& take);
  httpd::Awaitable<Result<Outcome>> withdraw(std::uint64_t rollout, const Told& told);
  httpd::Awaitable<Result<Outcome>> let_go(std::uint64_t rollout, const Told& told);

 private:
  using Write = void (fleet::RolloutStore::*)(std::uint64_t, std::vector<std::uint64_t>, std::uint64_t,
                                              fleet::Done<std::vector<fleet::Deployment>>);
  httpd::Awaitable<Result<Outcome>> write_all(std::uint64_t rollout, fleet::RolloutStore::Which which, Write write, const Told& told);
  std::uint64_t now_ms() const { return unix_ms(clock_.now()); }

  fleet::Store& store_;
  httpd::Workers& disk_;
  Clock& clock_;
  bool stopping_ = false;
};

}  // namespace aloft::server
