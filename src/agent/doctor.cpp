#include "agent/doctor.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <iostream>

#include "agent/configured_boot.hpp"
#include "agent/configured_slots.hpp"
#include "agent/errors.hpp"
#include "agent/identity.hpp"
#include "agent/local_socket.hpp"
#include "agent/system_facts.hpp"
#include "agent/try_counting.hpp"
#include "base/file.hpp"
#include "crypto/trust.hpp"
#include "net/http_client.hpp"
#include "update/floor.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxWarningBytes = 4096;
constexpr std::uint64_t kLeastStateBytes = 4 << 20;
constexpr WallTime kEarliest{std::chrono::milliseconds{1'735'689'600'000}};  // 2025-01-01: before that the clock was never set
constexpr std::chrono::days kSoon{60};

class Examination {
 public:
  void good(std::string what) { findings_.push_back({Verdict::good, std::move(what), {}}); }
  void warn(std::string what, std::string mend) { findings_.push_back({Verdict::warning, std::move(what), std::move(mend)}); }
  void bad(std::string what, std::string mend) { findings_.push_back({Verdict::bad, std::move(what), std::move(mend)}); }
  std::vector<Finding> take() { return std::move(findings_); }

 private:
  std::vector<Finding> findings_;
};

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

void examine_slots(const Config& config, Examination& out) {
  for (const auto& [slot_class, slot] : config.groups.begin()->second) {
    std::string sizes;
    bool equal = true;
    std::uint64_t first = 0;
    for (const auto& [name, group] : config.groups) {
      const SlotConfig& each = group.at(slot_class);
      const auto size = storage::slot_size_bytes(each);
      if (!size) {
        out.bad("slot " + name + "." + slot_class + ": " + size.error().message,
                "correct group." + name + "." + slot_class + ".device in system.toml, or make the partition");
        return;
      }
      if (first == 0) first = *size;
      equal = equal && *size == first;
      sizes += (sizes.empty() ? "" : ", ") + name + " " + mebibytes(*size);
    }
    if (equal) out.good("slots of class " + slot_class + ": " + sizes);
    if (!equal)
      out.warn("slots of class " + slot_class + " differ in size: " + sizes,
               "an image must fit into the smallest; make the partitions equal");
  }
}

void examine_system(const Config& config, boot::BootControl& control, Examination& out) {
  const auto facts = read_system_facts(config, control);
  if (!facts) return out.bad(facts.error().message, "let the boot loader pass aloft.slot=NAME; see docs/agent.md");
  out.good("group " + facts->booted_group + " is running");
  if (facts->version == "unknown")
    out.warn(config.agent.version_file.string() + " is missing or empty", "let the image's build write the version into it");
  if (!config.server) return;
  if (const auto name = device_name(*config.server, facts->machine_id); !name)
    out.bad(name.error().message, "set server.name in system.toml");
}

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

// Reads the boot state and, where no daemon could be changing it, writes it back as it is, in the same way as a switch does.
void examine_boot(const Config& config, boot::BootControl& control, Examination& out) {
  const std::string name = "boot state (" + config.boot.loader + ")";
  const std::string mend = "check [boot] in system.toml, that its file system is mounted read-write, and that this runs as root";
  const auto state = control.read();
  if (!state) return out.bad(name + ": " + state.error().message, mend);
  const Fd lock = exclusive(config);
  const auto weak = control.examine(lock ? boot::Probe::rewrite : boot::Probe::look);
  if (!weak) return out.bad(name + ": " + weak.error().message, mend);
  for (const std::string& sentence : *weak) out.warn(name + ": " + sentence, "docs/boot-control.md has a section on " + config.boot.loader);
  if (config.boot.tries > control.max_tries())
    out.warn(name + ": tries = " + std::to_string(config.boot.tries) + ", but this boot loader gives a new system " +
                 std::to_string(control.max_tries()) + (control.max_tries() == 1 ? " boot" : " boots"),
             "set boot.tries to " + std::to_string(control.max_tries()));
  const auto counting = read_file(config.state_dir / kNotCountingFile, kMaxWarningBytes);
  if (counting && !counting->empty()) out.bad(name + ": " + *counting, "docs/boot-control.md has a section on " + config.boot.loader);
  out.good(name + ":" + described(*state));
}

void examine_trust(const Config& config, Clock& clock, Examination& out) {
  const auto trust = crypto::TrustStore::load(config.trust_dir);
  if (!trust)
    return out.bad("trust anchors: " + trust.error().message,
                   "put the signing CA's certificate into " + config.trust_dir.string() + " as a .pem file");
  const auto until = trust->anchors_valid_until();
  if (until <= clock.now())
    return out.bad("a trust anchor expired on " + to_iso8601(until), "bring a new anchor to the device with an update, or by hand");
  if (until <= clock.now() + kSoon)
    return out.warn("a trust anchor expires on " + to_iso8601(until), "bring a new anchor to the devices with the next update");
  out.good("trust anchors in " + config.trust_dir.string() + ", good until " + to_iso8601(until));
}

void examine_state(const Config& config, Examination& out) {
  const std::string dir = config.state_dir.string();
  std::error_code problem;
  fs::create_directories(config.state_dir, problem);
  const auto probe = replace_file(config.state_dir / "doctor.probe", "probe\n");
  fs::remove(config.state_dir / "doctor.probe", problem);
  if (!probe) return out.bad("state folder: " + probe.error().message, "make " + dir + " writable, on a partition of its own");
  struct statvfs space{};
  if (::statvfs(dir.c_str(), &space) == 0 && std::uint64_t{space.f_bavail} * space.f_frsize < kLeastStateBytes)
    return out.bad("state folder " + dir + " has less than " + mebibytes(kLeastStateBytes) + " left", "make room on its partition");
  struct stat state{};
  struct stat root{};
  if (::stat(dir.c_str(), &state) == 0 && ::stat("/", &root) == 0 && state.st_dev == root.st_dev)
    return out.warn("state folder " + dir + " lies on the root file system",
                    "mount a partition of its own there: an update replaces the root file system");
  auto files = update::StateFolder::open(config.state_dir);
  if (!files) return out.bad("state folder: " + files.error().message, "check its owner and mode");
  const auto floor = update::read_floor(*files);
  if (!floor) return out.bad("rollback floor: " + floor.error().message, "restore " + dir + "/floor.0 from a backup");
  out.good("state folder " + dir + "; rollback floor " + std::to_string(*floor));
}

void examine_watchdog(const Config& config, Examination& out) {
  if (config.watchdog.device.empty()) return out.warn("no watchdog is configured", "set watchdog.device, if the board has one");
  if (::access(config.watchdog.device.c_str(), F_OK) == 0) return out.good("watchdog " + config.watchdog.device.string());
  out.warn("there is no " + config.watchdog.device.string(),
           "load the board's watchdog driver (softdog is better than none): without it nobody resets a system that hangs");
}

void examine_clock(Clock& clock, Examination& out) {
  if (clock.now() >= kEarliest) return out.good("clock: " + to_iso8601(clock.now()));
  out.bad("the clock says " + to_iso8601(clock.now()), "set it (NTP, RTC): certificates are judged by it");
}

void examine_server(const Config& config, Examination& out) {
  if (!config.server) return;
  const std::string& url = config.server->url;
  auto trust = server_trust(*config.server, config.state_dir);
  if (!trust) return out.bad("server: " + trust.error().message, "correct [server] in system.toml");
  auto client = net::HttpClient::create(net::TlsOptions{.trust = *std::move(trust), .client = {}});
  if (!client) return out.bad("server: " + client.error().message, "correct [server] in system.toml");
  net::Request request;
  request.url = url + "/";
  request.timeouts.connect = std::chrono::seconds(10);
  request.timeouts.total = std::chrono::seconds(20);
  const auto response = (*client)->send(request);
  if (!response)
    return out.bad("server " + url + ": " + response.error().message, "check the network, the address, and the server's fingerprint");
  std::error_code problem;
  if (!fs::exists(config.state_dir / "enrolled", problem))
    return out.warn("server " + url + " answers, but this device is not enrolled",
                    "put a token into server.enrol_token_file, or accept the device at the server");
  out.good("server " + url + " answers; enrolled");
}

void examine_daemon(const Config& config, Examination& out) {
  const auto daemon = connect_to_daemon(config.agent.socket);
  if (daemon) return out.good("the daemon answers on " + config.agent.socket.string());
  out.warn("the daemon does not run", "systemctl enable --now aloftd; then journalctl -u aloftd");
}

}  // namespace

std::vector<Finding> examine(const fs::path& config_file, Clock& clock) {
  Examination out;
  const auto config = load_config(config_file);
  if (!config) {
    out.bad(config.error().text(), "correct it; every key is described in docs/agent.md");
    return out.take();
  }
  out.good("configuration " + config_file.string());
  if (const auto control = open_boot_control(*config)) {
    examine_system(*config, **control, out);
    examine_boot(*config, **control, out);
  } else {
    out.bad("boot control: " + control.error().message, "correct [boot] in system.toml; see docs/boot-control.md");
  }
  examine_slots(*config, out);
  examine_trust(*config, clock, out);
  examine_state(*config, out);
  examine_watchdog(*config, out);
  examine_clock(clock, out);
  examine_server(*config, out);
  examine_daemon(*config, out);
  return out.take();
}

bool print_findings(const std::vector<Finding>& findings) {
  bool sound = true;
  for (const Finding& finding : findings) {
    constexpr std::array<std::string_view, 3> kMarks{"ok    ", "warn  ", "BAD   "};
    std::cout << kMarks[static_cast<std::size_t>(finding.verdict)] << finding.what << "\n";
    if (!finding.mend.empty()) std::cout << "      mend: " << finding.mend << "\n";
    sound = sound && finding.verdict != Verdict::bad;
  }
  return sound;
}

}  // namespace aloft::agent
