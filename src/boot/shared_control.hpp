// A boot control for several threads: the updater changes the state while the main loop shows it.
#pragma once

#include <memory>
#include <mutex>

#include "boot/boot_control.hpp"

namespace aloft::boot {

// One call at a time; each is whole in itself (it reads before it writes), so callers need no lock of their own.
class SharedControl final : public BootControl {
 public:
  explicit SharedControl(std::unique_ptr<BootControl> control) : control_(std::move(control)) {}

  unsigned max_tries() const override { return control_->max_tries(); }
  Result<BootState> read() override;
  bool trial_needs_argument() const override { return control_->trial_needs_argument(); }
  Result<std::optional<std::string>> booted() override;
  Result<std::optional<std::string>> restart_argument() override;
  Result<> arm(std::string_view slot, unsigned tries) override;
  Result<> commit(std::string_view slot) override;
  Result<> mark_bad(std::string_view slot) override;
  Result<> confirm(std::string_view booted) override;
  Result<> rebuild(std::string_view booted) override;
  Result<std::vector<std::string>> examine(Probe probe) override;

 private:
  const std::unique_ptr<BootControl> control_;
  std::mutex mutex_;
};

}  // namespace aloft::boot
