// Names that stand for devices: one that two slots answer to mounts the wrong one at some boot. Both slots of a pair usually hold the same
// image, with the same UUID and label: that harms only where something mounts by them.
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <map>

#include "agent/examination.hpp"
#include "agent/root_device.hpp"
#include "base/file.hpp"
#include "storage/device_name.hpp"
#include "storage/file_system_id.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxTableBytes = 1 << 20;

// "LABEL=rootfs", however it was written, and who mounts by it.
struct Reference {
  std::string name;
  std::string by;
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kKinds{{{"/dev/disk/by-partuuid/", "PARTUUID="},
                                                                               {"/dev/disk/by-partlabel/", "PARTLABEL="},
                                                                               {"/dev/disk/by-label/", "LABEL="},
                                                                               {"/dev/disk/by-uuid/", "UUID="}}};

// As system.toml may have it, see storage/device_name.hpp.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kNames{{{"partlabel:", "PARTLABEL="}, {"partuuid:", "PARTUUID="}}};

void refer(std::vector<Reference>& references, std::string_view source, std::string by) {
  for (const auto& [name, key] : kNames)
    if (source.starts_with(name)) return references.push_back({std::string(key) + std::string(source.substr(name.size())), std::move(by)});
  for (const auto& [folder, key] : kKinds) {
    if (source.starts_with(folder))
      return references.push_back({std::string(key) + std::string(source.substr(folder.size())), std::move(by)});
    if (source.starts_with(key)) return references.push_back({std::string(source), std::move(by)});
  }
}

std::vector<Reference> references_of(const Patient& patient) {
  std::vector<Reference> references;
  for (const std::string_view key : {"root=", "systemd.verity_root_data=", "systemd.verity_root_hash="})
    refer(references, command_line_value(patient.command_line, key), "the kernel's command line (" + std::string(key) + ")");
  for (const std::string& source : fstab_sources(read_file(patient.places.etc / "fstab", kMaxTableBytes).value_or("")))
    refer(references, source, (patient.places.etc / "fstab").string());
  for (const auto& [group, classes] : patient.config.groups)
    for (const auto& [slot_class, slot] : classes) refer(references, slot.device, "system.toml (" + group + "." + slot_class + ")");
  return references;
}

// "UUID=1234" -> "A.rootfs, B.rootfs": those that answer to it.
using Answers = std::map<std::string, std::vector<std::string>>;

void add_file_systems(const Config& config, const Places& places, Answers& answers) {
  for (const auto& [group, classes] : config.groups)
    for (const auto& [slot_class, slot] : classes) {
      const auto fd = open_file(device_path(slot, places), O_RDONLY);
      Bytes head(storage::kSuperblockBytes);
      const auto count = fd ? read_full(fd->get(), head) : Result<std::size_t>(0);
      const auto id = storage::file_system_id(ByteView(head).first(count.value_or(0)));
      if (!id) continue;
      const std::string name = "slot " + group + "." + slot_class;
      if (!id->uuid.empty()) answers["UUID=" + id->uuid].push_back(name);
      if (!id->label.empty()) answers["LABEL=" + id->label].push_back(name);
    }
}

// Every partition of every disk: a stick with the same partition names takes over the links in /dev/disk.
void add_partitions(const fs::path& sys, Answers& answers) {
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(sys / "class/block", problem)) {
    for (const auto& [key, value] : storage::parse_uevent(read_file(entry.path() / "uevent", kMaxTableBytes).value_or(""))) {
      if (key == "PARTNAME") answers["PARTLABEL=" + value].push_back(entry.path().filename());
      if (key == "PARTUUID") answers["PARTUUID=" + value].push_back(entry.path().filename());
    }
  }
}

}  // namespace

void examine_slot_names(const Patient& patient, Examination& out) {
  Answers answers;
  add_file_systems(patient.config, patient.places, answers);
  add_partitions(patient.places.sys, answers);
  std::map<std::string, bool> said;
  for (const auto& [name, by] : references_of(patient)) {
    const auto found = answers.find(name);
    if (found == answers.end() || found->second.size() < 2 || said[name]) continue;
    said[name] = true;
    std::string who;
    for (const std::string& each : found->second) who += (who.empty() ? "" : ", ") + each;
    const bool partition = name.starts_with("PART");
    out.bad(partition ? "partition-duplicate-name" : "slot-duplicate-id",
            by + " names a device by " + name + ", but several have it: " + who,
            partition ? "give each partition a name of its own, and take out cloned disks"
                      : "name the device by its partition (PARTUUID= or PARTLABEL=): an image brings its UUID and label to every slot");
  }
  if (said.empty()) out.good("slot-names", "no name that devices are mounted by stands for two");
}

}  // namespace aloft::agent
