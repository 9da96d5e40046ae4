#include "agent/doctor.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iostream>

#include "agent/configured_boot.hpp"
#include "agent/identity.hpp"
#include "agent/root_device.hpp"
#include "agent/system_facts.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

constexpr std::uint64_t kMaxProcBytes = 4 << 20;

void examine_system(Patient& patient, boot::BootControl& control, Examination& out) {
  const Config& config = patient.config;
  const auto facts = read_system_facts(config, control, {.dev = patient.places.dev, .sys = patient.places.sys});
  if (!facts) return out.bad("booted-group", facts.error().message, "let the boot loader pass aloft.slot=NAME; see docs/agent.md");
  patient.booted = facts->booted_group;
  out.good("booted-group", "group " + facts->booted_group + " is running");
  if (facts->version == "unknown")
    out.warn("version-missing", config.agent.version_file.string() + " is missing or empty",
             "let the image's build write the version into it");
  if (!config.server) return;
  if (const auto name = device_name(*config.server, facts->machine_id); !name)
    out.bad("device-name", name.error().message, "set server.name in system.toml");
}

constexpr std::array<std::string_view, 4> kMarks{"ok    ", "?     ", "warn  ", "BAD   "};
constexpr std::array<std::string_view, 4> kVerdicts{"ok", "unknown", "warning", "bad"};

}  // namespace

Result<Space> space_of(const std::filesystem::path& path) {
  struct statvfs found{};
  if (::statvfs(path.c_str(), &found) != 0) return fail(system_error("cannot measure the file system of", path, errno));
  return Space{.free_bytes = std::uint64_t{found.f_bavail} * found.f_frsize,
               .free_inodes = std::uint64_t{found.f_favail},
               .counts_inodes = found.f_files != 0};
}

bool Examination::all_good_since(std::size_t before) const {
  return std::all_of(findings_.begin() + static_cast<std::ptrdiff_t>(before), findings_.end(),
                     [](const Finding& finding) { return finding.verdict == Verdict::good; });
}

std::vector<Finding> examine(const std::filesystem::path& config_file, Clock& clock, const Places& places) {
  Examination out;
  const auto config = load_config(config_file);
  if (!config) {
    out.bad("config", config.error().text(), "correct it; every key is described in docs/agent.md");
    return out.take();
  }
  out.good("config", "configuration " + config_file.string());
  Patient patient{.config = *config,
                  .places = places,
                  .clock = clock,
                  .mounts = parse_mountinfo(read_file(places.proc / "self/mountinfo", kMaxProcBytes).value_or("")),
                  .command_line = read_file(config->agent.kernel_command_line, kMaxProcBytes).value_or(""),
                  .booted = {}};
  if (const auto control = open_boot_control(*config)) {
    examine_system(patient, **control, out);
    examine_boot(patient, **control, out);
  } else {
    out.bad("boot-control", "boot control: " + control.error().message, "correct [boot] in system.toml; see docs/boot-control.md");
  }
  examine_boot_script(patient, out);
  examine_slots(patient, out);
  examine_flash(patient, out);
  examine_slot_names(patient, out);
  examine_state(patient, out);
  examine_clock(patient, out);
  examine_trust(patient, out);
  examine_panic(patient, out);
  examine_lockup(patient, out);
  examine_watchdog(patient, out);
  examine_health(patient, out);
  examine_units(patient, out);
  examine_server(patient, out);
  examine_daemon(patient, out);
  return out.take();
}

bool is_sound(const std::vector<Finding>& findings) {
  return std::ranges::none_of(findings, [](const Finding& finding) { return finding.verdict == Verdict::bad; });
}

Json findings_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    Json each{{"name", finding.name}, {"verdict", kVerdicts.at(static_cast<std::size_t>(finding.verdict))}, {"what", finding.what}};
    if (!finding.mend.empty()) each["mend"] = finding.mend;
    list.push_back(std::move(each));
  }
  return Json{{"sound", is_sound(findings)}, {"findings", std::move(list)}};
}

void print_findings(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    std::cout << kMarks.at(static_cast<std::size_t>(finding.verdict)) << finding.name << ": " << finding.what << "\n";
    if (!finding.mend.empty()) std::cout << "      mend: " << finding.mend << "\n";
  }
}

}  // namespace aloft::agent
