// Notices a boot loader that does not count the boots of a system on trial: such a trial could hang for ever.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "boot/boot_control.hpp"
#include "update/state_files.hpp"

namespace aloft::agent {

// The state file that keeps the warning for later boots; empty or missing: there is none.
inline constexpr std::string_view kNotCountingFile = "not-counting";

class TryCounting {
 public:
  explicit TryCounting(update::StateFiles& files) : files_(&files) {}
  // Before slot is armed with so many tries.
  Result<> arming(std::string_view slot, unsigned tries);
  // After a start: running is the slot that booted. Where it was armed, it is known from here on whether the boot loader counts. Logs what
  // cannot be kept.
  void started(const boot::SlotState& running);
  // A sentence with its error number; empty where nothing is known against the boot loader.
  std::string warning() const;

 private:
  update::StateFiles* files_;
};

}  // namespace aloft::agent
