#include "cli/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

constexpr std::chrono::milliseconds kQuiet{500};
constexpr std::chrono::milliseconds kBarEvery{100};
constexpr std::chrono::milliseconds kLineEvery{5000};
constexpr unsigned kBarWidth = 30;

}  // namespace

Progress::Progress(std::string title)
    : title_(std::move(title)), start_(clock_.steady()), next_(start_ + kQuiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (drawn_ && terminal_) std::cerr << '\n';
}

void Progress::update(std::uint64_t done_bytes, std::uint64_t total_bytes) {
  const SteadyTime now = clock_.steady();
  if (now < next_ && !(drawn_ && done_bytes == total_bytes)) return;
  next_ = now + (terminal_ ? kBarEvery : kLineEvery);
  draw(done_bytes, total_bytes, now);
}

void Progress::draw(std::uint64_t done_bytes, std::uint64_t total_bytes, SteadyTime now) {
  drawn_ = true;
  const double part = total_bytes == 0 ? 1.0 : static_cast<double>(done_bytes) / static_cast<double>(total_bytes);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const auto speed = static_cast<std::uint64_t>(static_cast<double>(done_bytes) / std::max(seconds, 0.001));
  const std::string numbers = std::to_string(static_cast<int>(part * 100)) + "%  " + readable_size(done_bytes) + " of " +
                              readable_size(total_bytes) + ", " + readable_size(speed) + "/s";
  if (!terminal_) {
    std::cerr << title_ << ": " << numbers << '\n';
    return;
  }
  const auto full = static_cast<unsigned>(part * kBarWidth);
  std::cerr << '\r' << title_ << " [" << std::string(full, '#') << std::string(kBarWidth - full, '.') << "] " << numbers << "\x1b[K"
            << std::flush;
}

}  // namespace aloft::cli
