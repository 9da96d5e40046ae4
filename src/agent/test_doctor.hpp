// For tests: a device as `aloftd doctor` sees it, sound from top to bottom, in a folder.
#pragma once

#include <fcntl.h>

#include <fstream>
#include <map>
#include <string>

#include "agent/doctor.hpp"
#include "agent/local_socket.hpp"
#include "agent/test_folder.hpp"
#include "base/file.hpp"
#include "base/unix_time.hpp"
#include "boot/grub.hpp"
#include "crypto/test_pki.hpp"
#include "update/floor.hpp"
#include "update/journal.hpp"

namespace aloft::agent::test {

namespace fs = std::filesystem;
using crypto::test::must;

inline constexpr std::chrono::days kYear{365};

class SoundDevice {
 public:
  SoundDevice() {
    clock.advance(3 * kYear);  // late in 2026
    make_slots();
    make_boot();
    make_kernel();
    make_state_and_trust();
    make_userland();
    write("system.toml", toml());
  }

  fs::path at(const std::string& name) const { return folder.path() / name; }
  void write(const std::string& name, const std::string& text, unsigned mode = 0644) const {
    fs::create_directories(at(name).parent_path());
    std::ofstream(at(name), std::ios::binary | std::ios::trunc) << text;  // nothing here needs to outlive the power
    fs::permissions(at(name), fs::perms(mode));
  }
  std::string read(const std::string& name) const { return must(read_file(at(name))); }
  // In a file, the first `from` by `to`.
  void edit(const std::string& name, const std::string& from, const std::string& to) const {
    std::string text = read(name);
    const auto found = text.find(from);
    ASSERT_NE(found, std::string::npos) << name << " has no " << from;
    write(name, text.replace(found, from.size(), to));
  }
  void add(const std::string& name, const std::string& line) const { write(name, read(name) + line + "\n"); }
  void link(const std::string& target, const std::string& name) const {
    fs::create_directories(at(name).parent_path());
    fs::create_symlink(target, at(name));
  }
  // An ext superblock at the slot's start.
  void format(const std::string& name, const std::string& label, char uuid) const {
    std::string image(1 << 20, '\0');
    image.replace(1024 + 0x38, 2, "\x53\xEF");
    image.replace(1024 + 0x68, 16, std::string(16, uuid));
    image.replace(1024 + 0x78, label.size(), label);
    write(name, image);
  }
  boot::GrubControl boot_control() const {
    return {std::make_unique<boot::FileRegion>(at("esp/grubenv"), 0, boot::kGrubEnvBytes), {"A", "B"}};
  }
  std::vector<Finding> examined() { return examine(at("system.toml"), clock, places); }

  const Folder folder;
  FakeClock clock;
  Space space{.free_bytes = 1 << 30, .free_inodes = 1 << 16};
  Places places{.proc = at("proc"),
                .sys = at("sys"),
                .dev = at("dev"),
                .etc = at("etc"),
                .run = at("run"),
                .unit_folders = {at("etc/systemd/system")},
                .space = [this](const fs::path&) -> Result<Space> { return space; }};
  crypto::test::Authority authority;

 private:
  std::string toml() const {
    const std::string root = folder.path().string();
    std::string text = "product = \"p\"\nhardware = \"h\"\nstate_dir = \"" + root + "/state\"\ntrust_dir = \"" + root +
                       "/trust\"\n[boot]\nloader = \"grub\"\ngrubenv = \"" + root + "/esp/grubenv\"\n";
    const std::map<std::string, std::string> devices{{"A.boot", "sda2"}, {"A.rootfs", "sda3"}, {"B.boot", "sda4"}, {"B.rootfs", "sda5"}};
    for (const auto& [slot, device] : devices) text += "[group." + slot + "]\ndevice = \"" + root + "/dev/" + device + "\"\n";
    text += "[health]\ndir = \"" + root + "/health.d\"\n[agent]\nsocket = \"" + root + "/sock\"\nkernel_command_line = \"" + root +
            "/proc/cmdline\"\nversion_file = \"" + root + "/etc/version\"\nmachine_id_file = \"" + root + "/etc/machine-id\"\n";
    return text;
  }
  void make_slots() const {
    for (const char* device : {"sda2", "sda4"}) format(std::string("dev/") + device, "boot", 'b');
    for (const char* device : {"sda3", "sda5"}) format(std::string("dev/") + device, "rootfs", 'r');
    write("dev/sda6", "the state partition");
    for (const auto& [name, label] : std::map<std::string, std::string>{{"sda3", "rootfs-a"}, {"sda5", "rootfs-b"}, {"sda6", "state"}}) {
      write("sys/class/block/" + name + "/uevent", "DEVNAME=" + name + "\nPARTNAME=" + label + "\n");
      link("../../" + name, "dev/disk/by-partlabel/" + label);
    }
  }
  void make_boot() const {
    write("esp/grubenv", "");
    must(boot::FileRegion(at("esp/grubenv"), 0, boot::kGrubEnvBytes).create(std::string(boot::kGrubEnvBytes, '#')));
    auto control = boot_control();
    must(control.rebuild("B"));
    must(control.commit("A"));
    write("esp/grub.cfg", "load_env ORDER A_STATE B_STATE\n");
  }
  void make_kernel() const {
    write("proc/cmdline", "root=PARTLABEL=rootfs-a ro panic=5 softlockup_panic=1 aloft.slot=A\n");
    write("proc/sys/kernel/panic", "5\n");
    write("proc/sys/kernel/softlockup_panic", "1\n");
    write("proc/sys/kernel/soft_watchdog", "1\n");
    write("proc/1/comm", "systemd\n");
    write("proc/self/mountinfo", "21 1 8:3 / / ro - ext4 /dev/sda3 ro\n22 21 8:6 / " + at("state").string() + " rw - ext4 /dev/sda6 rw\n");
    write("dev/watchdog", "");
    for (const auto& [name, value] : std::map<std::string, std::string>{
             {"nowayout", "0"}, {"options", "0x8180"}, {"max_timeout", "600"}, {"identity", "i6300ESB timer"}})
      write("sys/class/watchdog/watchdog0/" + name, value + "\n");
    fs::create_directories(at("sys/class/rtc/rtc0"));
  }
  void make_state_and_trust() const {
    fs::create_directories(at("state"));
    auto files = must(update::StateFolder::open(at("state")));
    must(update::raise_floor(files, 3));
    const auto now = unix_ms(const_cast<FakeClock&>(clock).now());
    write("state/journal", update::journal_line({.phase = update::Phase::committed, .update = 1, .time_ms = now - 86'400'000}));
    write("trust/root.pem", authority.certificate.pem());
  }
  void make_userland() {
    write("etc/version", "1.0\n");
    fs::last_write_time(at("etc/version"), std::chrono::file_clock::from_sys(clock.now() - 2 * kYear));
    write("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    write("etc/fstab", "# made by the build\nPARTLABEL=state /var/lib/aloft ext4 defaults 0 2\n");
    write("health.d/10-ok", "#!/bin/sh\n", 0755);
    fs::create_directories(at("run/systemd/system"));
    write("etc/systemd/system/aloftd.service", "[Unit]\n");
    write("etc/systemd/system/aloftd-failed.service", "[Unit]\n");
    link("../aloftd.service", "etc/systemd/system/multi-user.target.wants/aloftd.service");
    socket_ = must(LocalSocket::listen(at("sock"), std::nullopt));
  }

  std::optional<LocalSocket> socket_;
};

}  // namespace aloft::agent::test
