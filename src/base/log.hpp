// Log lines on standard error. Under systemd each line carries its priority as "<6>" so that the journal keeps it. Thread-safe: a
// line is one write. Never pass keys, tokens or passwords.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace aloft::log {

enum class Level : std::uint8_t { debug, info, warning, error };

void set_level(Level level);
// Is handed every line that is written, as "time word message", without its newline. Set once, before there are threads; must itself not
// log.
using Observer = std::function<void(std::string_view line)>;
void set_observer(Observer observer);
void write(Level level, std::string_view message);
inline void debug(std::string_view message) { write(Level::debug, message); }
inline void info(std::string_view message) { write(Level::info, message); }
inline void warning(std::string_view message) { write(Level::warning, message); }
inline void error(std::string_view message) { write(Level::error, message); }

}  // namespace aloft::log
