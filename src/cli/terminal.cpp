#include "cli/terminal.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <iostream>

#include "base/clock.hpp"
#include "base/errors.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "cli/server_errors.hpp"

namespace aloft::cli {
namespace {

bool passing_line_shown = false;

// The controlling terminal, whatever standard input is.
Result<Fd> open_terminal(const std::string& instead) {
  auto terminal = open_file("/dev/tty", O_RDWR);
  if (!terminal) return fail(kNotConfirmed, "there is no terminal to ask on; " + instead);
  return terminal;
}

Result<std::string> ask(const Fd& terminal, const std::string& question) {
  TRY(write_all(terminal.get(), as_bytes(question)));
  std::string line;
  char c = 0;
  while (::read(terminal.get(), &c, 1) == 1 && c != '\n') line += c;
  return line;
}

// A terminal without echo while it lives; what ends or stops the program leaves it as it was, too. One at a time.
class SilentTerminal {
 public:
  explicit SilentTerminal(int terminal) {
    fd_ = terminal;
    ::tcgetattr(fd_, &before_);
    silent_ = before_;
    silent_.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    struct sigaction ending{};
    ending.sa_handler = [](int signal) {
      ::tcsetattr(fd_, TCSANOW, &before_);
      ::raise(signal);  // as ever, when this returns
    };
    ending.sa_flags = static_cast<int>(SA_RESETHAND);
    for (std::size_t i = 0; i < kEnds.size(); ++i) ::sigaction(kEnds[i], &ending, &ended_before_[i]);
    struct sigaction stopping{};
    stopping.sa_handler = [](int) {
      ::tcsetattr(fd_, TCSANOW, &before_);
      ::raise(SIGSTOP);
      ::tcsetattr(fd_, TCSAFLUSH, &silent_);
    };
    stopping.sa_flags = SA_RESTART;
    ::sigaction(SIGTSTP, &stopping, &stopped_before_);
    ::tcsetattr(fd_, TCSAFLUSH, &silent_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  ~SilentTerminal() {
    ::tcsetattr(fd_, TCSAFLUSH, &before_);
    for (std::size_t i = 0; i < kEnds.size(); ++i) ::sigaction(kEnds[i], &ended_before_[i], nullptr);
    ::sigaction(SIGTSTP, &stopped_before_, nullptr);
  }

 private:
  static constexpr std::array kEnds{SIGINT, SIGTERM, SIGQUIT, SIGHUP};
  static inline int fd_;
  static inline termios before_;
  static inline termios silent_;
  std::array<struct sigaction, kEnds.size()> ended_before_{};
  struct sigaction stopped_before_{};
};

}  // namespace

void print(std::string_view text) { std::cout << printable(text) << std::flush; }

void print_json(const Json& json, Form form) { std::cout << json.dump(form == Form::indented ? 2 : -1) << "\n" << std::flush; }

std::string printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    const bool c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;  // U+0080 to U+009F: terminals take some for the escapes of two bytes
    const bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    safe += c1 || control ? '?' : text[i];
    i += c1 ? 1 : 0;
  }
  return safe;
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  print(text);
}

void show_passing_line(std::string_view line) {
  if (::isatty(STDERR_FILENO) == 0) return;
  std::cerr << "\r\x1b[2K" << printable(line) << std::flush;
  passing_line_shown = true;
}

void end_passing_line() {
  if (std::exchange(passing_line_shown, false)) std::cerr << "\r\x1b[2K" << std::flush;
}

std::string progress_bar(std::uint64_t permille) {
  constexpr std::uint64_t kCells = 30;
  permille = std::min<std::uint64_t>(permille, 1000);
  const auto full = permille * kCells / 1000;
  std::string number = std::to_string(permille / 10) + "." + std::to_string(permille % 10) + " %";
  number.insert(0, number.size() < 7 ? 7 - number.size() : 0, ' ');
  return "[" + std::string(full, '#') + std::string(kCells - full, '-') + "] " + number;
}

std::string device_count_text(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " device" : " devices"); }

std::string readable_size(std::uint64_t bytes) {
  static constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  std::size_t unit = 1;
  for (; bytes >= 1024 * 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  const std::uint64_t tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " " + kUnits[unit];
}

std::string readable_time(std::uint64_t time_ms) {
  if (time_ms == 0) return "-";
  std::string text = to_iso8601(WallTime(std::chrono::milliseconds(time_ms))).substr(0, 19);
  std::ranges::replace(text, 'T', ' ');
  return text;
}

Result<std::string> utf8(std::string text, const std::string& what) {
  const Json probe(text);
  if (probe.dump(-1, ' ', false, Json::error_handler_t::ignore) == probe.dump(-1, ' ', false, Json::error_handler_t::replace)) return text;
  return fail(kBadArgument, what + " is no UTF-8");
}

Result<std::string> read_line() {
  std::string line;
  if (!std::getline(std::cin, line)) return fail(kUnexpectedEnd, "standard input ended before the expected line");
  return utf8(std::move(line), "the line on standard input");
}

Result<std::string> ask_password(const std::string& question) {
  const Fd terminal = TRY(open_terminal("give the password with --password-stdin"));
  auto answer = [&] {
    const SilentTerminal silent(terminal.get());
    return ask(terminal, question);
  }();
  TRY(write_all(terminal.get(), as_bytes("\n")));
  return utf8(TRY(std::move(answer)), "the answer");
}

Result<> ask_confirmation(const std::string& question) {
  const Fd terminal = TRY(open_terminal("give the certificate's --fingerprint"));
  if (TRY(ask(terminal, question + " [yes/no] ")) != "yes") return fail(kNotConfirmed, "not confirmed; nothing was done");
  return {};
}

}  // namespace aloft::cli
