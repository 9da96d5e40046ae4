// Boot control by an executable of the integrator, for boot loaders that the agent does not know. The protocol: docs/boot-control.md.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "boot/boot_control.hpp"
#include "boot/settings.hpp"

namespace aloft::boot {

inline constexpr unsigned kCustomTries = 9;

// The answer to "get". Errors: kCustomAnswer with the member at fault.
struct CustomState {
  BootState boot;
  std::optional<std::string> booted;
  std::vector<std::string> warnings;
};
Result<CustomState> parse_custom_state(std::string_view text, const std::vector<std::string>& slots);

class CustomControl final : public BootControl {
 public:
  CustomControl(std::string executable, std::chrono::seconds timeout, std::vector<std::string> slots, unsigned max_tries)
      : executable_(std::move(executable)), timeout_(timeout), slots_(std::move(slots)), max_tries_(max_tries) {}
  unsigned max_tries() const override { return max_tries_; }
  Result<BootState> read() override;
  Result<std::optional<std::string>> booted() override;
  Result<> arm(std::string_view slot, unsigned tries) override;
  Result<> commit(std::string_view slot) override;
  Result<> mark_bad(std::string_view slot) override;
  Result<> confirm(std::string_view booted) override;
  Result<> rebuild(std::string_view booted) override;
  Result<std::optional<std::string>> restart_argument() override { return std::nullopt; }
  bool trial_needs_argument() const override { return false; }
  Result<std::vector<std::string>> examine(Probe probe) override;

 private:
  // Its standard output. Errors: kBootStateCorrupt for exit status 3, kCustomFailed for any other but 0 and at the timeout.
  Result<std::string> run(const std::vector<std::string>& arguments);
  Result<CustomState> get();
  Result<> known(std::string_view slot) const;
  // Runs it, and reads back whether the slot is as it should be.
  Result<> change(const std::vector<std::string>& arguments, const SlotState& wanted, bool first);
  std::string executable_;
  std::chrono::seconds timeout_;
  std::vector<std::string> slots_;
  unsigned max_tries_;
};

// Settings: executable, timeout_s, most_tries.
Result<std::unique_ptr<BootControl>> open_custom(const Settings& settings, std::vector<std::string> slots);

}  // namespace aloft::boot
