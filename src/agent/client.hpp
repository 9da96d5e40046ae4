// aloftd's verbs that speak to the running daemon: what is asked, how the answer is shown.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace aloft::agent {

enum class Output : std::uint8_t { text, json };
enum class Wait : std::uint8_t { no, yes };

// Each prints to standard output. Errors: kNoDaemon, and what the daemon answered.
Result<> show_status(const std::filesystem::path& socket, Output output);
Result<> show_history(const std::filesystem::path& socket, Output output);
// uri: a path, a URL, or "-" for standard input, which is handed to the daemon as a descriptor. With Wait::yes (and always for "-") shows
// progress until the update has failed or the machine is about to restart.
Result<> install(const std::filesystem::path& socket, const std::string& uri, Wait wait);
// A copy of standard input's descriptor. Before anything is opened, which would take the place of one that is closed. Errors: kBadUri.
Result<Fd> standard_input();
Result<> check(const std::filesystem::path& socket);
Result<> defer(const std::filesystem::path& socket, std::chrono::seconds time);
Result<> cancel(const std::filesystem::path& socket);
Result<> accept(const std::filesystem::path& socket);

// "90", "90s", "15m", "2h", "7d"; "0" ends a deferral. Errors: kBadRequest.
Result<std::chrono::seconds> parse_duration(std::string_view text);
// How an update, as the daemon's status has it, ended that did not take place; nothing while it is under way or when it did. Errors:
// kUpdateFailed, kUpdateRolledBack, kUpdateDeferred, kCancelled.
Result<> ending_of(const Json& update);
// For people: a few lines, from the daemon's status answer.
std::string status_text(const Json& answer);

}  // namespace aloft::agent
