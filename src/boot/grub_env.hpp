// GRUB's environment block (GRUB manual, "Environment block"): 1024 bytes, "# GRUB Environment Block\n", lines NAME=VALUE with '\' before
// '\' and newline, filled up with '#'. Ours keeps everything that matters in the first 512 bytes, so that one sector write changes it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "boot/region.hpp"

namespace aloft::boot {

inline constexpr std::size_t kGrubEnvBytes = 1024;

using GrubVariables = std::vector<std::pair<std::string, std::string>>;  // in the block's order

// Errors: kBootStateCorrupt where the head is missing or the size is wrong. Lines that are no assignment are passed over.
Result<GrubVariables> parse_grub_env(std::string_view block);
// Variables that no longer fit into the first sector are left out, last first; the first `needed` must fit (kBootStateFull).
Result<std::string> format_grub_env(const GrubVariables& variables, std::size_t needed);

}  // namespace aloft::boot
