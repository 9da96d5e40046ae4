// For tests: every boot loader, by name. The contract test and the power-cut tests run on each of them.
#pragma once

#include "boot/test_android.hpp"
#include "boot/test_barebox.hpp"
#include "boot/test_boot_guard.hpp"
#include "boot/test_grub.hpp"
#include "boot/test_loader.hpp"
#include "boot/test_systemd_boot.hpp"
#include "boot/test_tryboot.hpp"
#include "boot/test_uboot.hpp"
#include "boot/test_uefi.hpp"

namespace aloft::boot::test {

struct NamedLoader {
  const char* name;
  std::unique_ptr<TestLoader> (*make)(TestStorage& storage, std::vector<std::string> slots);
  std::size_t most_slots = 3;
  // A power cut in a trial may end it: the boot loader keeps no count, or keeps it in a way that a cut can undo.
  bool cut_ends_trial = false;
  bool takes_recovery = true;  // as Loader::takes_recovery
};
inline void PrintTo(const NamedLoader& loader, std::ostream* out) { *out << loader.name; }

template <typename Loader>
std::unique_ptr<TestLoader> make_loader(TestStorage& storage, std::vector<std::string> slots) {
  return std::make_unique<Loader>(storage, std::move(slots));
}

// Those that keep what docs/boot-control.md promises.
inline constexpr NamedLoader kLoaders[] = {
    {"Grub", make_loader<TestGrub>},
    {"GrubRauc", make_loader<TestGrubRauc<Counts::trials>>, 3, true},
    {"UbootOrder", make_loader<TestUbootOrder<Counts::trials>>},
    {"UbootRaucScript", make_loader<TestUbootOrder<Counts::every_boot>>},
    {"UbootBootcount", make_loader<TestUbootBootcount>, 2},
    {"Android", make_loader<TestAndroid>},
    {"Barebox", make_loader<TestBarebox>},
    {"Uefi", make_loader<TestUefi>, 3, true},
    {"SystemdBoot", make_loader<TestSystemdBoot>, 3, true, false},
    {"BootGuard", make_loader<TestBootGuard>, 3, true, false},
    {"Tryboot", make_loader<TestTryboot>, 3, false, false},
};

// Those that keep the contract, but go from a committed system to another by themselves, after one power cut before the agent is up.
inline constexpr NamedLoader kWeakLoaders[] = {
    {"GrubRaucScript", make_loader<TestGrubRauc<Counts::every_boot>>, 3, true},
};

}  // namespace aloft::boot::test
