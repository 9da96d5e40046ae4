// What /etc/aloft/system.toml says. Reference for people: docs/agent.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "boot/settings.hpp"
#include "storage/partition_plan.hpp"
#include "storage/slot.hpp"

namespace aloft::agent {

inline constexpr const char* kDefaultConfigPath = "/etc/aloft/system.toml";

using SlotConfig = storage::SlotSpec;
// Slots that boot together, by slot class ("rootfs").
using GroupConfig = std::map<std::string, SlotConfig>;

struct BootConfig {
  std::string loader = "grub";
  unsigned tries = 3;       // boots of a system on trial, 1..3
  boot::Settings settings;  // the loader's own keys, by its row in boot/loaders.cpp
};

// One of those that `aloftd partition` makes or grows.
struct PartitionConfig {
  std::filesystem::path disk;
  storage::WantedPartition wanted;
};

// What a server that speaks hawkBit's device protocol needs to be told.
struct HawkbitConfig {
  std::string tenant = "DEFAULT";
  std::filesystem::path target_token_file;   // at most one of this
  std::filesystem::path gateway_token_file;  // and this
  std::filesystem::path client_cert;         // PEM, with its chain; with
  std::filesystem::path client_key;          // PEM
  bool ask_if_soft = false;                  // a soft update waits for a person at the device
};

struct ServerConfig {
  std::string url;   // "https://host[:port]", no path; "http://" only with hawkbit
  std::string name;  // empty: the machine id
  std::filesystem::path enrol_token_file;
  std::string fingerprint;  // SHA-256 of the server's certificate, hex; empty: from the token, or ca_file
  std::filesystem::path ca_file;
  std::optional<HawkbitConfig> hawkbit = {};  // none: it is an aloft-server
};

struct HealthConfig {
  std::filesystem::path dir = "/etc/aloft/health.d";
  std::chrono::seconds deadline{120};      // from the agent's start on a trial boot to the commit
  std::chrono::seconds check_timeout{60};  // for each executable
  bool require_server = true;              // without [server] it has no effect
  bool require_units = true;               // under systemd: no unit may have failed
};

struct InventoryConfig {
  std::filesystem::path dir = "/etc/aloft/inventory.d";
  std::chrono::seconds interval{3600};
  std::chrono::seconds timeout{30};  // for each executable
};

struct MetricsConfig {
  std::filesystem::path dir = "/etc/aloft/metrics.d";
  std::chrono::seconds interval{3600};
  std::chrono::seconds timeout{30};  // for each executable
};

struct WatchdogConfig {
  std::filesystem::path device = "/dev/watchdog";  // empty: no watchdog
  std::chrono::seconds timeout{60};
  std::chrono::seconds systemd_timeout{0};  // systemd's, of a committed system; 0: it is not given to systemd
  bool locked = false;                      // once started the hardware cannot be stopped, whatever the driver says
};

struct DownloadConfig {
  std::chrono::seconds give_up{3600};           // without a single new byte
  std::uint32_t ahead_kib = 256;                // on their way and not yet read: net::RangeSourceOptions::ahead_bytes
  bool delta = true;                            // deltas are used where a source names one
  std::uint32_t delta_fallback_kib = 0;         // fetched from the full bundle beside a delta, at most; 0: as much as is needed
  bool reuse = true;                            // blocks that slots have are used again where a bundle names them
  std::uint32_t budget_kib = 0;                 // over the network, for one update; 0: no limit
  std::vector<std::string> metered_interfaces;  // patterns as a shell has them, such as "wwan*"
  bool metered_wait = false;                    // nothing is fetched over these
  std::uint32_t metered_budget_kib = 0;         // for one update, while it goes over these; 0: no limit but the other
  std::filesystem::path ca_file;                // for https sources other than the server; empty: the system's
  std::filesystem::path known_hosts;            // of sftp servers; empty: none is believed
  std::filesystem::path ssh_key;                // for sftp; empty: the password in the address
};

struct AgentConfig {
  std::filesystem::path socket = "/run/aloft/aloftd.sock";
  std::string control_group;                // members may install, check, defer and cancel; empty: root only
  std::vector<std::string> reboot_command;  // empty: systemctl reboot under systemd, reboot(8) elsewhere
  std::filesystem::path kernel_command_line = "/proc/cmdline";
  std::filesystem::path boot_id_file = "/proc/sys/kernel/random/boot_id";
  std::filesystem::path version_file = "/etc/aloft/version";
  std::filesystem::path machine_id_file = "/etc/machine-id";
  std::vector<std::filesystem::path> panic_dirs{"/sys/fs/pstore", "/var/lib/systemd/pstore"};  // records of kernels that died
};

struct Config {
  std::string product;
  std::string hardware;
  std::filesystem::path state_dir = "/var/lib/aloft";
  std::filesystem::path trust_dir = "/etc/aloft/trust";
  BootConfig boot;
  std::map<std::string, GroupConfig> groups;  // at least two; all but the recovery system's with the same classes
  std::string recovery;                       // the group with role = "recovery", with classes of its own; empty: there is none
  GroupConfig shared;                         // slots that exist once, by slot class; none of the groups' classes
  std::vector<PartitionConfig> partitions;
  std::optional<ServerConfig> server;
  HealthConfig health;
  InventoryConfig inventory;
  MetricsConfig metrics;
  WatchdogConfig watchdog;
  DownloadConfig download;
  std::vector<std::filesystem::path> reset_folders;  // emptied by a factory reset
  AgentConfig agent;
};

// Strict: unknown keys, wrong types and values out of range are errors that name file, line and key. Errors: 8000-8003.
Result<Config> parse_config(std::string_view text, std::string_view file_name);
// Errors: as parse_config, and of read_file.
Result<Config> load_config(const std::filesystem::path& path);

}  // namespace aloft::agent
