#include "fleet/why.hpp"

#include <algorithm>

#include "fleet/filter.hpp"

namespace aloft::fleet {
namespace {

std::string percent(std::uint64_t sample) {
  const std::uint64_t permille = sample * 1000 / kWholeTarget;
  return std::to_string(permille / 10) + "." + std::to_string(permille % 10) + " %";
}

std::string named(const Rollout& rollout) {
  return "rollout " + std::to_string(rollout.id) + " (" + rollout.plan.name + ", version " + rollout.version + ")";
}

// What a waiting member waits for.
WhyReason waiting_reason(const Rollout& rollout, const Member& member) {
  const auto because = [&rollout](const char* code, const std::string& text) {
    return WhyReason{.code = code, .text = named(rollout) + " " + text, .rollout = rollout.id, .deployment = {}};
  };
  switch (rollout.state) {
    case RolloutState::gathering: return because("not-started", "is just being made");
    case RolloutState::awaiting_approval: return because("awaits-approval", "waits for the approval of a second person");
    case RolloutState::ready:
      return because("not-started",
                     rollout.plan.start == RolloutPlan::Start::at_time ? "has not started; its time is set" : "has not been started");
    case RolloutState::paused: return because("paused", "is paused" + (rollout.reason.empty() ? "" : ": " + rollout.reason));
    default: break;
  }
  if (member.sample >= rollout.reach)
    return because("wave-not-open", "has not come to it yet: it stands at " + percent(member.sample) + " of the target, reached are " +
                                        percent(rollout.reach) +
                                        (rollout.state == RolloutState::soaking ? ", and the wave before is soaking" : ""));
  if (!member.reason.empty())
    return because(member.reason.ends_with(kMayBeTriedAgain) ? "its-turn" : "busy", "offers it as soon as it can: it " + member.reason);
  return because("its-turn", rollout.plan.rate_per_minute == 0
                                 ? "offers it now"
                                 : "offers it as soon as the rate of " + std::to_string(rollout.plan.rate_per_minute) + " a minute allows");
}

WhyReason ended_reason(const Rollout& rollout, const Member& member) {
  WhyReason reason{.code = std::string(to_string(member.state)), .text = {}, .rollout = rollout.id, .deployment = {}};
  if (member.deployment != 0) reason.deployment = member.deployment;
  reason.text = "in " + named(rollout) + " it ended as " + reason.code + (member.reason.empty() ? "" : ": " + member.reason);
  return reason;
}

// Why a rollout that is under way does not have the device among its members.
WhyReason outside_reason(const WhyQuestion& question, const WhyQuestion::Underway& underway) {
  const Rollout& rollout = underway.rollout;
  WhyReason reason{.code = "filter", .text = {}, .rollout = rollout.id, .deployment = {}};
  const Result<Filter> filter = Filter::parse(rollout.plan.filter);
  const Result<> fits = check_fit(underway.release, question.device);
  if (!filter || !filter->matches(question.facts, 0)) {
    reason.text = named(rollout) + " is for others: the device does not match " + rollout.plan.filter;
  } else if (!fits) {
    reason.code = "does-not-fit";
    reason.text = named(rollout) + ": " + fits.error().message;
  } else if (question.device.version == rollout.version) {
    reason.code = "has-it";
    reason.text = "it has the version of " + named(rollout) + " already";
  } else if (rollout.state == RolloutState::gathering) {
    reason.code = "not-started";
    reason.text = named(rollout) + " is just being made, and does not have all of its devices yet";
  } else {
    reason.code = "came-later";
    reason.text = named(rollout) + " was made before the device came to match, and takes nobody in later";
  }
  return reason;
}

WhyReason deployment_reason(const Deployment& deployment) {
  WhyReason reason{.code = "deployment", .text = {}, .rollout = deployment.rollout, .deployment = deployment.id};
  if (deployment.state == UpdateState::deferred) reason.code = "deferred";
  if (deployment.state == UpdateState::offered) reason.code = "offered";
  reason.text = "it has deployment " + std::to_string(deployment.id) + " of version " + deployment.version + ", which is " +
                std::string(protocol::to_string(deployment.state)) + (deployment.message.empty() ? "" : ": " + deployment.message);
  return reason;
}

}  // namespace

std::string_view to_string(WhyVerdict verdict) {
  switch (verdict) {
    case WhyVerdict::updating: return "updating";
    case WhyVerdict::waiting: return "waiting";
    case WhyVerdict::nothing: return "nothing";
  }
  return "";
}

WhyAnswer explain(const WhyQuestion& question) {
  WhyAnswer answer;
  const Device& device = question.device;
  if (device.status != DeviceStatus::accepted)
    answer.reasons.push_back(
        {.code = "not-accepted", .text = "the device is " + std::string(to_string(device.status)) + "; only accepted ones get updates"});
  if (device.problem_error != 0)
    answer.reasons.push_back(
        {.code = "problem", .text = "the device says that it needs help: E" + std::to_string(device.problem_error) + " " + device.problem});
  if (question.deployment) {
    answer.verdict = WhyVerdict::updating;
    answer.reasons.push_back(deployment_reason(*question.deployment));
  }
  for (const Membership& membership : question.memberships) {
    if (membership.member.state == MemberState::offered) continue;  // said by the deployment
    const bool waits = membership.member.state == MemberState::waiting;
    if (waits && is_final(membership.rollout.state)) continue;
    answer.reasons.push_back(waits ? waiting_reason(membership.rollout, membership.member)
                                   : ended_reason(membership.rollout, membership.member));
    if (waits && answer.verdict == WhyVerdict::nothing) answer.verdict = WhyVerdict::waiting;
  }
  for (const auto& underway : question.underway) {
    const bool member =
        std::ranges::any_of(question.memberships, [&](const Membership& one) { return one.rollout.id == underway.rollout.id; });
    if (!member) answer.reasons.push_back(outside_reason(question, underway));
  }
  if (answer.reasons.empty())
    answer.reasons.push_back({.code = "nothing-underway", .text = "no rollout is under way, and nobody gave it a release"});
  return answer;
}

}  // namespace aloft::fleet
