// Which group an update is written to.
#pragma once

#include <string>

#include "agent/updater.hpp"
#include "base/result.hpp"
#include "boot/boot_control.hpp"
#include "bundle/manifest.hpp"

namespace aloft::agent {

// Of the groups that take the images: one that is bad, which costs nothing; else the last in the boot order, which was good the longest
// ago. So what would be fallen back to is written only where there is nothing else. The running group only where just a recovery system
// can write it.
// Errors: bundle::kNoSlot, those of slots.
Result<std::string> choose_target(const bundle::Manifest& manifest, Slots& slots, const boot::BootState& boot, const std::string& booted,
                                  const std::string& recovery);

}  // namespace aloft::agent
