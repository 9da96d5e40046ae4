// What the parts of the SQLite store that deal with rollouts share. For use inside a transaction.
#pragma once

#include <string>
#include <string_view>

#include "fleet/rollout_store.hpp"
#include "fleet/sqlite.hpp"

namespace aloft::fleet {

// Of rows of rollouts: not final; see is_final().
#define ALOFT_ROLLOUT_UNDER_WAY "(state<6 OR state=10)"
// The wave of a member m: the one in which it joined, or the first that reached it; 0: none has.
#define ALOFT_MEMBER_WAVE                                                                                                        \
  "CASE WHEN m.wave>0 THEN m.wave ELSE coalesce((SELECT min(w.wave) FROM rollout_waves w WHERE w.rollout=m.rollout AND w.reach>" \
  "m.sample),0) END"

Result<Rollout> find_rollout(Database& database, std::uint64_t id);  // with its counts; kRolloutUnknown
Result<Rollout> read_rollout(Database& database, std::uint64_t id);  // without, which is quick for large ones; kRolloutUnknown
Result<> note_rollout_event(Database& database, std::uint64_t rollout, std::string_view event, const std::string& by,
                            const std::string& detail, std::uint64_t now_ms);
// The rollout that brings the release before to those that have committed.
Result<Rollout> create_rollback(Database& database, const Rollout& parent, std::uint64_t now_ms);
// Withdraws a deployment that has not ended: nothing when it has.
Result<std::optional<Deployment>> withdraw(Database& database, std::uint64_t deployment, const std::string& message, std::uint64_t now_ms);
// Sets the member's state by the deployment's; does nothing for deployments outside of rollouts.
Result<> follow_in_rollout(Database& database, std::uint64_t deployment, UpdateState state, std::uint64_t now_ms);

}  // namespace aloft::fleet
