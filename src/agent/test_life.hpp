// For tests: a device living through a story of deployments, and what it may never do meanwhile.
#pragma once

#include <cstdio>
#include <vector>

#include "agent/test_machine.hpp"
#include "update/errors.hpp"

namespace aloft::agent::test {

struct Story {
  const char* name;
  std::vector<Deployment> deployments;
};

// What the world outside knows of the device: the server by its reports, and whoever looks at it when it runs.
struct Witness {
  std::size_t stage = 0;  // the deployment under way
  std::string committed = "1";
  std::string recovery = "1-recovery";  // likewise, where there is one
  std::string running;
  std::uint64_t floor = 11;
  unsigned boots_on_trial = 0;
  unsigned cuts = 0;
  struct Told {
    std::uint64_t deployment;
    std::uint64_t sequence;
    update::Phase phase;
    bool operator==(const Told&) const = default;
  };
  std::vector<Told> told;

  void add_to(Fingerprint& fingerprint) const {
    for (const std::uint64_t number : {std::uint64_t{stage}, floor, std::uint64_t{boots_on_trial}}) fingerprint.add(number);
    fingerprint.add(committed);
    fingerprint.add(recovery);
    for (const Told& report : told) {
      fingerprint.add(report.deployment * 1000 + report.sequence);
      fingerprint.add(static_cast<std::uint64_t>(report.phase));
    }
  }
};

struct World {
  Hardware hardware;
  Witness witness;

  std::pair<std::uint64_t, std::uint64_t> fingerprint() {
    Fingerprint all;
    witness.add_to(all);
    hardware.add_to(all);
    return all.value();
  }
};

class Life {
 public:
  static constexpr unsigned kTries = 3;
  static constexpr unsigned kMostBoots = 24;

  // Both must outlive it.
  Life(const Story& story, World& world, Fault fault) : story_(story), world_(world), fault_(fault) {}

  // Until the story is over and nothing is left to do, with no power cut. What is wrong, or nothing.
  std::string live() {
    for (unsigned boots = 0; boots < kMostBoots && problem_.empty(); ++boots) {
      if (boot_once()) return problem_;
    }
    object("the device has not settled after " + std::to_string(kMostBoots) + " boots");
    return problem_;
  }

 private:
  void object(const std::string& what) {
    if (problem_.empty()) problem_ = what;
  }
  void require(bool truth, const std::string& what) {
    if (!truth) object(what);
  }
  const Deployment& deployment() const { return story_.deployments[world_.witness.stage]; }
  std::uint64_t number() const { return world_.witness.stage + 1; }

  // Whatever the boot loader might choose, now or should another slot fail, holds a complete release.
  void check_bootable_slots() {
    const auto state = world_.hardware.loader()->control()->read();
    if (!state) return object("the boot state cannot be read: " + state.error().text());
    for (const boot::SlotState& slot : state->order) {
      require(slot.health == boot::SlotHealth::bad || world_.hardware.held(slot.name),
              slot.name + " may be booted, but holds no complete release");
    }
    if (world_.hardware.flash) check_shared(*state);
  }

  // What exists once is of one release, and of one that was committed.
  void check_shared(const boot::BootState& state) {
    const Release* const shared = world_.hardware.flash->held_shared();
    if (!shared) return object("the slots that exist once are not of one release");
    const auto is_committed = [&](const boot::SlotState& slot) {
      return slot.health == boot::SlotHealth::committed && world_.hardware.held(slot.name) == shared;
    };
    require(shared->version == world_.witness.committed || std::ranges::any_of(state.order, is_committed),
            "the slots that exist once are of release " + shared->version + ", which is not committed");
  }

  // True once nothing is left to do.
  bool boot_once() {
    check_bootable_slots();
    const auto group = world_.hardware.choose();
    const Release* release = group ? world_.hardware.held(*group) : nullptr;
    if (!group) object("no slot can be booted");
    if (group && !release) object("the boot loader chose " + *group + ", which holds no complete release");
    if (!release || !problem_.empty()) return true;
    world_.witness.running = release->version;
    check_boot(*release);
    if (release->character == Character::panics) return false;
    Session session(world_.hardware, *group, boot_id(), fault_, [this](const update::State& state) { hear(state); });
    const bool over = run(session);
    check_floor();
    return over;
  }

  // The kernel's is random; what counts is that it differs from the one in the journal.
  std::string boot_id() const {
    const auto records = update::parse_journal(world_.hardware.state.read("journal").value_or("")).records;
    return !records.empty() && records.back().boot_id == "one" ? "other" : "one";
  }

  bool run(Session& session) {
    session.wish(deployment().wish);
    if (const auto started = session.updater().start(); !started) object("the agent does not start: " + started.error().text());
    while (problem_.empty()) {
      session.updater().run();
      if (session.rebooting()) return false;
      const update::State state = session.updater().status().state;
      if (state.phase == update::Phase::deferred) {
        if (state.error == kHeld.number && state.message.starts_with("downloaded,")) check_held(state);
        session.release();
        session.updater().accept();
      } else if (state.deployment == number() && update::is_at_rest(state.phase)) {
        check_end(state);
        if (world_.witness.stage + 1 == story_.deployments.size()) return true;
        ++world_.witness.stage;
        world_.witness.boots_on_trial = 0;
        session.wish(deployment().wish);
      } else if (state.deployment == number()) {
        object("it waits in " + std::string(to_string(state.phase)));
      } else if (const auto offered = session.updater().offer(deployment().version, number()); !offered) {
        object("an offer is refused: " + offered.error().text());
      }
    }
    return true;
  }

  // All of it is there, and the boot loader does not know.
  void check_held(const update::State& state) {
    const Release* const release = world_.hardware.held(state.target);
    require(release && release->version == state.version, "held as downloaded, but " + state.target + " does not hold it");
    const auto boot = world_.hardware.loader()->control()->read();
    for (const boot::SlotState& slot : boot ? boot->order : std::vector<boot::SlotState>{})
      require(slot.name != state.target || slot.health == boot::SlotHealth::bad, "it is held, and may be booted");
  }

  void check_boot(const Release& release) {
    Witness& witness = world_.witness;
    if (release.version == witness.committed || release.version == witness.recovery) return;
    require(release.version == deployment().version, "release " + release.version + " runs, which is neither committed nor deployed");
    // A boot loader that does not flush its counting may have what was counted since the last flush taken back by a cut.
    require(++witness.boots_on_trial <= tries() * (1 + witness.cuts), "an uncommitted release is booted too often");
  }

  // A report, as the server takes it: known by deployment and sequence, and final once final.
  void hear(const update::State& state) {
    if (state.deployment == 0) return;  // no update: a boot loader that counts every boot made a trial of what was committed
    Witness& witness = world_.witness;
    const Witness::Told told{state.deployment, state.sequence, state.phase};
    for (const Witness::Told& before : witness.told) {
      if (before == told) return;
      if (before.deployment != told.deployment) continue;
      require(before.sequence != told.sequence, "two things are reported as one transition");
      require(!update::is_at_rest(before.phase), "something is reported after the end of the update");
    }
    witness.told.push_back(told);
    const bool runs = witness.running == state.version;
    if (state.phase == update::Phase::committed) {
      if (!runs) return object("reported as committed, but it does not run");
      (releases().at(state.version).recovery ? witness.recovery : witness.committed) = state.version;
    } else if (update::is_at_rest(state.phase)) {
      require(!runs, "reported as " + std::string(to_string(state.phase)) + ", but it runs");
    }
  }

  unsigned tries() const { return std::min(kTries, world_.hardware.loader()->control()->max_tries()); }

  // Where a power cut in a trial ends it, a good update has been rolled back.
  void check_end(const update::State& state) {
    // So it is with a recovery system that the power fails in before it has begun, or that was itself new then.
    const bool not_begun = state.phase == update::Phase::failed &&
                           (state.error == update::kRecoveryNotBooted.number || state.error == update::kNoRecovery.number);
    const bool trial_ended = world_.hardware.cut_ends_trial() && state.phase == update::Phase::rolled_back;
    const bool gone_back = world_.witness.cuts > 0 && (trial_ended || (tries() == 1 && not_begun));
    require(state.phase == deployment().end || (gone_back && deployment().end == update::Phase::committed) || (gone_back && not_begun),
            std::string(deployment().version) + " ended as " + std::string(to_string(state.phase)) + ": " + state.message);
    // A normal system that failed has only the recovery system to go back to.
    const Witness& witness = world_.witness;
    const bool in_recovery = witness.running == witness.recovery && !world_.hardware.layout.recovery.empty();
    require(witness.running == witness.committed || (in_recovery && state.phase != update::Phase::committed),
            "what was committed does not run, but " + witness.running);
    if (const auto& flash = world_.hardware.flash; flash)
      require(world_.hardware.flash->held_shared() == &releases().at(witness.committed),
              "the slots that exist once are not of what was committed");
  }

  void check_floor() {
    SimStateFiles files(world_.hardware.state);
    const auto floor = update::read_floor(files);
    if (!floor) return object("the floor cannot be read: " + floor.error().text());
    require(*floor >= world_.witness.floor, "the floor fell");
    const std::uint64_t committed = releases().at(world_.witness.committed).security_version;
    require(*floor <= committed, "the floor is above what was committed");
    world_.witness.floor = *floor;
  }

  const Story& story_;
  World& world_;
  const Fault fault_;
  std::string problem_;
};

}  // namespace aloft::agent::test
