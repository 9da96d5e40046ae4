// Factory reset: the application's part of the state partition is emptied, at the next boot and before anything uses it. Identity, rollback
// floor, trust anchors and journal stay: docs/layouts.md, "Factory reset".
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "base/result.hpp"

namespace aloft::agent {

// Folders that may be emptied must leave the agent's alone. Errors: kConfigValue where one is not absolute, is a root, or has state_dir or
// trust_dir within it, or lies within state_dir.
Result<> check_reset_folders(const std::vector<std::filesystem::path>& folders, const std::filesystem::path& state_dir,
                             const std::filesystem::path& trust_dir);

// Asks for it: a file in state_dir, durable once returned. Nothing is removed yet. Errors: kNothingToReset without folders, file errors.
Result<> request_factory_reset(const std::filesystem::path& state_dir, const std::vector<std::filesystem::path>& folders);
// Withdraws it, before the restart.
Result<> cancel_factory_reset(const std::filesystem::path& state_dir);
bool is_factory_reset_requested(const std::filesystem::path& state_dir);

enum class Reset : std::uint8_t { not_asked_for, done };

// At boot, before anything but the agent's early service uses the folders. Empties each (the folder itself, its owner and its mode stay;
// other file systems mounted within are left alone; links are removed, not followed), makes that durable, then takes the request away. A
// power cut before that leaves the request, and the next boot begins again: what uses the folders never sees them half emptied.
// each_step is called before each removal, for tests. Errors: file errors; the request stays.
Result<Reset> carry_out_factory_reset(
    const std::filesystem::path& state_dir, const std::vector<std::filesystem::path>& folders,
    const std::function<void()>& each_step = [] {});

}  // namespace aloft::agent
