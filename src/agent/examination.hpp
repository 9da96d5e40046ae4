// What `aloftd doctor` finds, and where it looks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config.hpp"
#include "agent/mounts.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "boot/boot_control.hpp"
#include "storage/device_name.hpp"

namespace aloft::agent {

enum class Verdict : std::uint8_t {
  good,
  unknown,  // cannot be seen from here; the mend says what would show it
  warning,  // an update or a rollback works, but with less than it should have
  bad,      // an update or a rollback would fail
};

struct Finding {
  std::string_view name;  // stable, kebab-case; docs/doctor.md has them all, and a test holds the two together
  Verdict verdict;
  std::string what;  // "slots A.rootfs and B.rootfs: 512 MiB each"
  std::string mend;  // what to do; empty when good
};

struct Space {
  std::uint64_t free_bytes = 0;
  std::uint64_t free_inodes = 0;
  bool counts_inodes = true;  // btrfs and FAT do not
};
// Of the file system that path lies in. Errors: those of the system.
Result<Space> space_of(const std::filesystem::path& path);

// Where it looks; others than the running system's are for tests.
struct Places {
  std::filesystem::path proc = "/proc";
  std::filesystem::path sys = "/sys";
  std::filesystem::path dev = "/dev";
  std::filesystem::path etc = "/etc";
  std::filesystem::path run = "/run";
  std::vector<std::filesystem::path> unit_folders = {"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                                                     "/usr/lib/systemd/system", "/lib/systemd/system"};
  std::function<Result<Space>(const std::filesystem::path&)> space = space_of;
};

// "512 MiB", rounded down.
inline std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

storage::DeviceTree device_tree(const Places& places);
// A slot's device, by whatever name system.toml has for it; empty where there is none.
std::filesystem::path device_path(const SlotConfig& slot, const Places& places);

// The whole size of a slot on raw flash, bad blocks included; nothing for other slots. kNotFound, and find_device()'s errors.
std::optional<Result<std::uint64_t>> flash_size(const SlotConfig& slot, const Places& places);

// Findings as they come.
class Examination {
 public:
  void good(std::string_view name, std::string what) { add(name, Verdict::good, std::move(what), {}); }
  void unknown(std::string_view name, std::string what, std::string mend) { add(name, Verdict::unknown, std::move(what), std::move(mend)); }
  void warn(std::string_view name, std::string what, std::string mend) { add(name, Verdict::warning, std::move(what), std::move(mend)); }
  void bad(std::string_view name, std::string what, std::string mend) { add(name, Verdict::bad, std::move(what), std::move(mend)); }
  // Nothing but good ones since `before`, a count().
  std::size_t count() const { return findings_.size(); }
  bool all_good_since(std::size_t before) const;
  std::vector<Finding> take() { return std::move(findings_); }

 private:
  void add(std::string_view name, Verdict verdict, std::string what, std::string mend) {
    findings_.push_back({name, verdict, std::move(what), std::move(mend)});
  }
  std::vector<Finding> findings_;
};

// The device as the examinations see it.
struct Patient {
  const Config& config;
  const Places& places;
  Clock& clock;
  std::vector<Mount> mounts;
  std::string command_line;     // the kernel's
  std::string booted;           // the running group; empty: not known
  WallTime last_known{};        // no moment before it can be now: the newest of what was built, installed and journalled
  bool clock_is_wrong = false;  // found so; expiries cannot be judged then
};

// One subject each, in doctor_SUBJECT.cpp. They write nothing but what is said with them.
void examine_boot(const Patient& patient, boot::BootControl& control,
                  Examination& out);  // rewrites the state as it is, unless a daemon runs
void examine_boot_script(const Patient& patient, Examination& out);
void examine_slots(const Patient& patient, Examination& out);
void examine_flash(const Patient& patient, Examination& out);
void examine_slot_names(const Patient& patient, Examination& out);
void examine_state(const Patient& patient, Examination& out);  // makes the folder, and a probe file in it for a moment
void examine_trust(const Patient& patient, Examination& out);
void examine_panic(const Patient& patient, Examination& out);
void examine_lockup(const Patient& patient, Examination& out);
void examine_watchdog(const Patient& patient, Examination& out);
void examine_clock(Patient& patient, Examination& out);  // finds out last_known and clock_is_wrong
void examine_health(const Patient& patient, Examination& out);
void examine_units(const Patient& patient, Examination& out);
void examine_server(const Patient& patient, Examination& out);
void examine_hawkbit(const Patient& patient, Examination& out);  // as examine_server, where it speaks that protocol
void examine_daemon(const Patient& patient, Examination& out);

}  // namespace aloft::agent
