#include "base/log.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/clock.hpp"

namespace aloft::log {
namespace {

struct Style {
  const char* word;
  const char* priority;  // sd-daemon(3)
};
constexpr std::array<Style, 4> kStyles{{{"debug", "<7>"}, {"info", "<6>"}, {"warning", "<4>"}, {"error", "<3>"}}};
std::atomic<Level> threshold = Level::info;

Observer& observer() {
  static Observer instance;
  return instance;
}

}  // namespace

void set_level(Level level) { threshold = level; }

void set_observer(Observer next) { observer() = std::move(next); }

void write(Level level, std::string_view message) {
  if (level < threshold) return;
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  const Style& style = kStyles[static_cast<std::size_t>(level)];
  std::string text;
  for (const char c : message) text += c == '\n' || c == '\r' ? ' ' : c;  // one message, one line: no forged entries
  const std::string dated = to_iso8601(SystemClock().now()) + " " + style.word + " " + text;
  if (observer()) observer()(dated);
  const std::string line = (journal ? style.priority + text : dated) + "\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace aloft::log
