// What people see and type.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace aloft::cli {

// To standard output, printable; a closed pipe ends the program quietly, as everywhere.
void print(std::string_view text);
// The same for programs: nothing is replaced.
enum class Form : std::uint8_t { indented, one_line };
void print_json(const Json& json, Form form = Form::indented);
// With "?" for each control character, line ends and tabs excepted: what servers and devices say must not steer an operator's terminal.
std::string printable(std::string_view text);
// Columns as wide as their widest cell; the first row is the heading.
void print_table(const std::vector<std::vector<std::string>>& rows);

// A line that is overwritten by the next: on standard error, and only where that is a terminal.
void show_passing_line(std::string_view line);
void end_passing_line();

// "[########------------]  41.2 %"
std::string progress_bar(std::uint64_t permille);
// "12.3 MiB"
std::string readable_size(std::uint64_t bytes);
// "1 device", "2 devices"
std::string device_count_text(std::uint64_t count);
// "2026-01-31 12:00:00" (UTC), from milliseconds since 1970; "-" for 0.
std::string readable_time(std::uint64_t time_ms);

// What a person gives that becomes a part of JSON; what names it in the error. Errors: kBadArgument where it is no UTF-8.
Result<std::string> utf8(std::string text, const std::string& what);
// One line of standard input without its end. Errors: kUnexpectedEnd, as utf8().
Result<std::string> read_line();
// Asks on the terminal without echo. Errors: kNotConfirmed where there is no terminal, as utf8().
Result<std::string> ask_password(const std::string& question);
// Asks on the terminal for "yes". Errors: kNotConfirmed for anything else, or no terminal.
Result<> ask_confirmation(const std::string& question);

}  // namespace aloft::cli
