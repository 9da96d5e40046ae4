// Boot control for systemd-boot: each slot has an entry in loader/entries, which the boot loader counts by its name.
//   aloft-A.conf       committed
//   aloft-B+3.conf     on trial: three boots are left; systemd-boot renames it to aloft-B+2-1.conf and starts it
//   aloft-B+0-3.conf   all tries used: systemd-boot starts anything else before it
//   (none)             bad
// The entry with the highest version goes first. What is atomic here and what is not: docs/boot-control.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "boot/boot_control.hpp"
#include "boot/boot_entry.hpp"
#include "boot/efi_variables.hpp"
#include "boot/entry_folder.hpp"
#include "boot/settings.hpp"

namespace aloft::boot {

struct SystemdBootSeams {
  std::unique_ptr<EntryFolder> entries;
  std::unique_ptr<EfiVariables> variables;
  // What a slot's entry says, but for its order.
  std::function<Result<std::string>(const std::string& slot)> body;
  // loader.conf, for examine(). Nothing: there is none.
  std::function<Result<std::optional<std::string>>()> loader_conf;
};

class SystemdBootControl final : public BootControl {
 public:
  static constexpr unsigned kTries = 9;

  SystemdBootControl(SystemdBootSeams seams, std::vector<std::string> slots, std::string prefix)
      : seams_(std::move(seams)), slots_(std::move(slots)), prefix_(std::move(prefix)) {}

  unsigned max_tries() const override { return kTries; }
  Result<BootState> read() override;
  Result<std::optional<std::string>> booted() override;
  Result<> arm(std::string_view slot, unsigned tries) override;
  Result<> commit(std::string_view slot) override;
  Result<> mark_bad(std::string_view slot) override;
  Result<> confirm(std::string_view) override { return {}; }
  Result<> rebuild(std::string_view booted) override;
  Result<std::optional<std::string>> restart_argument() override { return std::nullopt; }
  bool trial_needs_argument() const override { return false; }
  Result<std::vector<std::string>> examine(Probe probe) override;

 private:
  // A file that is called like an entry of a slot.
  struct File {
    std::string file;
    std::string slot;
    EntryName name;
    std::size_t size_bytes = 0;
    std::optional<Entry> entry;  // nothing: torn, blank, or not the agent's
    bool is_live() const { return entry.has_value(); }
    bool is_committed() const { return entry && !name.left; }
  };
  using Files = std::vector<File>;
  Result<Files> look();
  Result<Files> look_and_sweep();
  Result<BootState> state_of(const Files& files) const;
  static std::uint32_t newest(const Files& files);
  Result<> known(std::string_view slot) const;
  std::optional<std::string> slot_of(const EntryName& name) const;
  Result<std::string> body_of(const Files& files, const std::string& slot) const;
  Result<> make_live(const EntryName& name, const Entry& entry);
  Result<> renew(const File& file, std::uint32_t generation);
  Result<> kill(const std::string& file, std::size_t size_bytes);
  // Of a slot: those that `spared` does not name.
  Result<> kill_all(const Files& files, std::string_view slot, std::string_view spared = "");

  SystemdBootSeams seams_;
  std::vector<std::string> slots_;
  std::string prefix_;
};

Result<std::unique_ptr<BootControl>> open_systemd_boot(const Settings& settings, std::vector<std::string> slots);

}  // namespace aloft::boot
