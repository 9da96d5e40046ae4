#include "server/rollout_pieces.hpp"

#include <algorithm>

#include "httpd/elsewhere.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::offloaded;

template <typename T>
std::vector<T> piece_of(const std::vector<T>& all, std::size_t at, std::size_t most) {
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
  return {begin, begin + static_cast<std::ptrdiff_t>(std::min(most, all.size() - at))};
}

}  // namespace

httpd::Awaitable<Result<RolloutPieces::Outcome>> RolloutPieces::gather(std::uint64_t rollout, const Take& take) {
  auto look = [this, rollout] { return store_.candidates(rollout); };
  const Result<std::vector<fleet::Candidate>> found = co_await offloaded(disk_, look);
  if (!found) co_return std::unexpected(found.error());
  take.expect(found->size());
  for (std::size_t at = 0; at < found->size(); at += fleet::kMembersAtOnce) {
    if (stopping_) co_return Outcome::stopped;
    auto start = [&, at](auto done) { store_.add_members(rollout, piece_of(*found, at, fleet::kMembersAtOnce), now_ms(), done); };
    const Result<std::vector<fleet::Member>> added = co_await delivered<Result<std::vector<fleet::Member>>>(start);
    if (!added) co_return std::unexpected(added.error());
    if (!take.members(*added)) co_return Outcome::stopped;
  }
  co_return Outcome::complete;
}

httpd::Awaitable<Result<RolloutPieces::Outcome>> RolloutPieces::write_all(std::uint64_t rollout, fleet::RolloutStore::Which which,
                                                                          Write write, const Told& told) {
  auto look = [this, rollout, which] { return store_.under_way(rollout, which); };
  const Result<std::vector<std::uint64_t>> found = co_await offloaded(disk_, look);
  if (!found) co_return std::unexpected(found.error());
  for (std::size_t at = 0; at < found->size(); at += fleet::kDeploymentsAtOnce) {
    if (stopping_) co_return Outcome::stopped;
    auto start = [&, at](auto done) { (store_.*write)(rollout, piece_of(*found, at, fleet::kDeploymentsAtOnce), now_ms(), done); };
    const Result<std::vector<fleet::Deployment>> written = co_await delivered<Result<std::vector<fleet::Deployment>>>(start);
    if (!written) co_return std::unexpected(written.error());
    told(*written);
  }
  co_return Outcome::complete;
}

httpd::Awaitable<Result<RolloutPieces::Outcome>> RolloutPieces::withdraw(std::uint64_t rollout, const Told& told) {
  co_return co_await write_all(rollout, fleet::RolloutStore::Which::all, &fleet::RolloutStore::withdraw_some, told);
}

httpd::Awaitable<Result<RolloutPieces::Outcome>> RolloutPieces::let_go(std::uint64_t rollout, const Told& told) {
  co_return co_await write_all(rollout, fleet::RolloutStore::Which::held, &fleet::RolloutStore::let_go_of_some, told);
}

}  // namespace aloft::server
