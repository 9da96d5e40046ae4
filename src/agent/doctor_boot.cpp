// The boot state: can it be read and changed, does the boot loader count, and is there a way back?
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>

#include "agent/examination.hpp"
#include "agent/try_counting.hpp"
#include "base/file.hpp"
#include "boot/order.hpp"
#include "update/journal.hpp"

namespace aloft::agent {
namespace {

constexpr std::uint64_t kMaxWarningBytes = 4096;

// Held while nobody else may change the boot state; none while a daemon works on this device.
Fd exclusive(const Config& config) {
  auto lock = open_file(config.state_dir / "lock", O_RDWR | O_CREAT, 0600);
  if (!lock || ::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) return Fd();
  return *std::move(lock);
}

std::string described(const boot::BootState& state) {
  std::string order;
  for (const boot::SlotState& slot : state.order)
    order += " " + slot.name +
             (slot.health == boot::SlotHealth::committed ? " committed"
              : slot.health == boot::SlotHealth::trial   ? " on trial"
                                                         : " bad");
  return order;
}

std::string page_of(const Config& config) { return "docs/boot-control.md has a section on " + config.boot.loader; }

void examine_order(const Patient& patient, const boot::BootState& state, Examination& out) {
  const auto running = std::ranges::find(state.order, patient.booted, &boot::SlotState::name);
  if (running != state.order.end() && running->health != boot::SlotHealth::committed)
    out.warn("boot-not-committed", "the running group " + patient.booted + " is not committed, so no update is taken",
             "wait for the end of its trial; aloftd status says how it stands");
  if (!is_another_committed(state, patient.booted))
    out.warn("boot-no-fallback", "no group but the running one is committed; should it stop booting, there is nothing to fall back to",
             "install a good system into the other group; a factory image best fills both");
}

// What the last trial has shown: nothing else can.
void examine_counting(const Config& config, Examination& out) {
  const auto counting = read_file(config.state_dir / kNotCountingFile, kMaxWarningBytes);
  if (counting && !counting->empty())
    return out.bad("boot-not-counting", "boot state (" + config.boot.loader + "): " + *counting, page_of(config));
  const auto journal = read_file(config.state_dir / "journal", update::kMaxJournalBytes * 2);
  const auto records = update::parse_journal(journal.value_or("")).records;
  const bool tried = std::ranges::any_of(records, [](const update::State& state) { return state.phase == update::Phase::committed; });
  if (tried) return out.good("boot-counting", "the boot loader counted the tries of the last new system");
  out.unknown("boot-counting", "whether the boot loader counts tries is seen at the first update: none was committed here yet",
              "make one, and look again");
}

}  // namespace

// Reads the boot state and, where no daemon could be changing it, writes it back as it is, in the same way as a switch does.
void examine_boot(const Patient& patient, boot::BootControl& control, Examination& out) {
  const Config& config = patient.config;
  const std::string name = "boot state (" + config.boot.loader + ")";
  const std::string mend = "check [boot] in system.toml, that its file system is mounted read-write, and that this runs as root";
  const auto state = control.read();
  if (!state) return out.bad("boot-state", name + ": " + state.error().message, mend);
  const Fd lock = exclusive(config);
  const auto weak = control.examine(lock ? boot::Probe::rewrite : boot::Probe::look);
  if (!weak) return out.bad("boot-state", name + ": " + weak.error().message, mend);
  for (const std::string& sentence : *weak) out.warn("boot-state-weak", name + ": " + sentence, page_of(config));
  if (config.boot.tries > control.max_tries())
    out.warn("boot-tries",
             name + ": tries = " + std::to_string(config.boot.tries) + ", but this boot loader gives a new system " +
                 std::to_string(control.max_tries()) + (control.max_tries() == 1 ? " boot" : " boots"),
             "set boot.tries to " + std::to_string(control.max_tries()));
  examine_order(patient, *state, out);
  examine_counting(config, out);
  out.good("boot-state", name + ":" + described(*state));
}

}  // namespace aloft::agent
