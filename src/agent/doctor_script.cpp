// The boot loader's script: is it there, and does it go by the variables that the agent writes? Most of it lies where a running system
// cannot look; then that is said.
#include <algorithm>

#include "agent/examination.hpp"
#include "base/file.hpp"
#include "boot/fw_env_config.hpp"

namespace aloft::agent {
namespace {

constexpr std::uint64_t kMaxScriptBytes = 1 << 20;
constexpr std::string_view kProof = "one update that is rolled back on purpose, on a bench, is the proof";

std::string mend_of(const Config& config) {
  return "install the project's script; docs/boot-control.md has a section on " + config.boot.loader;
}

// A grub.cfg beside the environment block is looked at; one inside GRUB's image is out of reach.
void examine_grub(const Config& config, Examination& out) {
  const auto path = std::filesystem::path(config.boot.settings.text("grubenv")).parent_path() / "grub.cfg";
  const auto script = read_file(path, kMaxScriptBytes);
  if (!script)
    return out.unknown("boot-script", "grub.cfg lies inside GRUB's own image, where it cannot be looked at", std::string(kProof));
  const std::string suffix = config.boot.settings.text("convention") == "rauc" ? "_OK" : "_STATE";
  for (const auto& [group, slots] : config.groups)
    if (!script->contains(group + suffix))
      return out.bad("boot-script",
                     path.string() + " knows nothing of " + group + suffix + ", so it does not go by the boot state of group " + group,
                     "write it with integration/bootloader/grub/grub-config, for the groups of system.toml");
  out.good("boot-script", path.string() + " goes by the boot state of every group");
}

Result<boot::UbootVariables> uboot_variables(const Config& config) {
  const auto text = TRY(read_file(config.boot.settings.text("fw_env_config"), kMaxScriptBytes));
  const auto copies = TRY(boot::parse_fw_env_config(text));
  return TRY(boot::open_uboot_env(copies))->load();
}

// The scripts that an environment holds itself; what is built in, or in a boot.scr, is out of reach.
void examine_uboot(const Config& config, Examination& out) {
  const auto variables = uboot_variables(config);
  if (!variables || !variables->contains("bootcmd"))
    return out.unknown("boot-script", "the environment has no bootcmd of its own: what is built into U-Boot cannot be looked at",
                       std::string(kProof));
  const auto mentioned = [&](std::string_view word) {
    return std::ranges::any_of(*variables, [&](const auto& each) { return each.second.contains(word); });
  };
  if (config.boot.settings.text("convention") == "bootcount") {
    const auto back = variables->find("altbootcmd");
    if (back == variables->end() || !back->second.contains(config.boot.settings.text("part_variable")))
      return out.bad("boot-script",
                     "altbootcmd does not change " + config.boot.settings.text("part_variable") + ", so a failed trial is not left",
                     mend_of(config));
    return out.good("boot-script", "altbootcmd goes back to the other partition");
  }
  if (mentioned("BOOT_ORDER")) return out.good("boot-script", "the environment's scripts go by BOOT_ORDER");
  out.unknown("boot-script", "the environment's bootcmd runs a script from elsewhere, which cannot be looked at", std::string(kProof));
}

}  // namespace

void examine_boot_script(const Patient& patient, Examination& out) {
  if (patient.config.boot.loader == "grub") return examine_grub(patient.config, out);
  if (patient.config.boot.loader == "uboot") return examine_uboot(patient.config, out);
  out.unknown("boot-script", "what the boot loader (" + patient.config.boot.loader + ") does with its state cannot be looked at",
              std::string(kProof));
}

}  // namespace aloft::agent
