// The state folder: on a partition of its own, writable, with room, and with a rollback floor that can be read.
#include <algorithm>

#include "agent/block_number.hpp"
#include "agent/examination.hpp"
#include "agent/waiting_switches.hpp"
#include "base/file.hpp"
#include "update/floor.hpp"
#include "update/journal.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLeastBytes = 4 << 20;
constexpr std::uint64_t kEnoughBytes = 16 << 20;  // for the logs of updates that went wrong, and reports that wait for the server
constexpr std::uint64_t kLeastInodes = 64;

bool is_slot(const Config& config, const Mount& mount, const Places& places, std::string& name) {
  const auto layers = with_layers_below(mount.number, places.sys);
  const fs::path source = mount.source.starts_with("/dev/") ? places.dev / mount.source.substr(5) : fs::path();
  for (const auto& [group, classes] : config.groups)
    for (const auto& [slot_class, slot] : classes) {
      std::error_code problem;
      const fs::path device = device_path(slot, places);
      const auto number = number_of_block_device(device);
      name = group + "." + slot_class;
      if (number && std::ranges::find(layers, *number) != layers.end()) return true;
      if (!source.empty() && fs::equivalent(source, device, problem) && !problem) return true;
    }
  return false;
}

void examine_place(const Patient& patient, Examination& out) {
  const std::string dir = patient.config.state_dir.string();
  const std::string mend = "mount a partition of its own there, which no update writes";
  std::error_code problem;
  const fs::path real = fs::weakly_canonical(patient.config.state_dir, problem);
  const Mount* const mount = mount_of(patient.mounts, problem ? patient.config.state_dir : real);
  if (mount == nullptr) return;
  std::string slot;
  if (is_slot(patient.config, *mount, patient.places, slot))
    return out.bad("state-on-slot", "state folder " + dir + " lies on slot " + slot + ": an update wipes it out", mend);
  if (mount->point == "/") out.warn("state-on-root", "state folder " + dir + " lies on the root file system", mend);
  if (mount->type == "tmpfs" || mount->type == "ramfs")
    out.bad("state-in-memory", "state folder " + dir + " lies in memory: after a restart nothing is known of an update", mend);
}

void examine_space(const Patient& patient, Examination& out) {
  const std::string dir = "state folder " + patient.config.state_dir.string();
  const auto space = patient.places.space(patient.config.state_dir);
  if (!space) return out.bad("state-unwritable", space.error().message, "check its owner and mode");
  if (space->free_bytes < kLeastBytes)
    return out.bad("state-full", dir + " has less than " + mebibytes(kLeastBytes) + " left", "make room on its partition");
  if (space->counts_inodes && space->free_inodes < kLeastInodes)
    return out.bad("state-inodes", dir + " has room for " + std::to_string(space->free_inodes) + " files only",
                   "remove files from its partition, or make it anew with more inodes");
  if (space->free_bytes < kEnoughBytes)
    out.warn("state-space-low", dir + " has " + mebibytes(space->free_bytes) + " left; the logs of failed updates may not fit",
             "keep " + mebibytes(kEnoughBytes) + " free");
}

// The agent has said why, and tries again by itself.
void examine_floor(update::StateFiles& files, std::uint64_t floor, Examination& out) {
  const auto journal = files.read("journal");
  const auto records = update::parse_journal(journal ? journal->value_or("") : "").records;
  const auto last = std::ranges::find(records.rbegin(), records.rend(), update::Phase::committed, &update::State::phase);
  if (last == records.rend() || last->security_version <= floor) return;
  out.bad("floor-behind",
          "rollback floor " + std::to_string(floor) + " is below security version " + std::to_string(last->security_version) +
              ", which was committed; no update is made until it has been raised",
          "see aloftd status for what is in the way");
}

void examine_shared_slots(update::StateFiles& files, Examination& out) {
  const auto waiting = WaitingSwitches(files).all();
  if (!waiting)
    return out.warn("shared-slot-behind", waiting.error().message + "; shared slots that had still to switch keep what they have",
                    "install the last bundle again");
  for (const auto& [slot_class, one] : *waiting) {
    if (!one.due || one.error == 0) continue;
    out.warn("shared-slot-behind", told({slot_class, one.error, one.message}).message + "; updates with an image for it wait",
             "see the error in docs/error-codes.md; the agent tries again every hour, and at `aloftd check`");
  }
}

}  // namespace

void examine_state(const Patient& patient, Examination& out) {
  const Config& config = patient.config;
  const std::string dir = config.state_dir.string();
  const std::size_t before = out.count();
  examine_place(patient, out);
  std::error_code problem;
  const fs::path real = fs::weakly_canonical(config.state_dir, problem);
  if (const Mount* const mount = mount_of(patient.mounts, real); mount != nullptr && mount->read_only)
    return out.bad("state-read-only", "state folder " + dir + " is mounted read-only at " + mount->point.string(),
                   "mount it read-write; where the kernel made it so after an error, check the file system");
  fs::create_directories(config.state_dir, problem);
  const auto probe = replace_file(config.state_dir / "doctor.probe", "probe\n");
  fs::remove(config.state_dir / "doctor.probe", problem);
  if (!probe) return out.bad("state-unwritable", "state folder: " + probe.error().message, "make " + dir + " writable");
  examine_space(patient, out);
  auto files = update::StateFolder::open(config.state_dir);
  if (!files) return out.bad("state-unwritable", "state folder: " + files.error().message, "check its owner and mode");
  const auto floor = update::read_floor(*files);
  if (!floor) return out.bad("floor", "rollback floor: " + floor.error().message, "restore " + dir + "/floor.0 from a backup");
  examine_floor(*files, *floor, out);
  examine_shared_slots(*files, out);
  if (out.all_good_since(before)) out.good("state", "state folder " + dir + "; rollback floor " + std::to_string(*floor));
}

}  // namespace aloft::agent
