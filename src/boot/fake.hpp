// A boot control in memory, and the walk that a boot loader makes through it. For tests and simulations.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "boot/boot_control.hpp"

namespace aloft::boot {

// What grub.cfg does with a boot state: the first slot in order that is committed, or on trial with tries left (one is used up), and
// whose kernel loads. A try is used up by a slot whose kernel does not load, too. Nothing where no slot is left.
std::optional<std::string> walk(BootState& state, const std::function<bool(const std::string&)>& loads);

class FakeControl final : public BootControl {
 public:
  // The first slot committed and booted, the others bad.
  explicit FakeControl(std::vector<std::string> slots, unsigned max_tries = 9);
  unsigned max_tries() const override { return max_tries_; }
  Result<BootState> read() override;
  Result<std::optional<std::string>> booted() override { return std::nullopt; }
  Result<> arm(std::string_view slot, unsigned tries) override;
  Result<> commit(std::string_view slot) override;
  Result<> mark_bad(std::string_view slot) override;
  Result<> confirm(std::string_view booted) override;
  Result<> rebuild(std::string_view booted) override;
  Result<std::optional<std::string>> restart_argument() override { return std::nullopt; }
  bool trial_needs_argument() const override { return false; }
  Result<std::vector<std::string>> examine(Probe probe) override;

  BootState state;
  bool corrupt = false;         // read() and changes say so until rebuild()
  bool unreadable = false;      // read() and changes fail with kIo
  unsigned failing_writes = 0;  // so many changes to come fail with kBootStateWrite
  std::vector<std::string> confirmed;

 private:
  Result<> set(Result<BootState> next);
  std::vector<std::string> slots_;
  unsigned max_tries_;
};

}  // namespace aloft::boot
