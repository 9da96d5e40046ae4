#include "agent/try_counting.hpp"

#include <charconv>

#include "base/log.hpp"
#include "boot/errors.hpp"

namespace aloft::agent {
namespace {

constexpr std::string_view kArmedFile = "armed-tries";  // "B 3"

}  // namespace

Result<> TryCounting::arming(std::string_view slot, unsigned tries) {
  return files_->replace(kArmedFile, std::string(slot) + " " + std::to_string(tries));
}

void TryCounting::started(const boot::SlotState& running) {
  if (running.health == boot::SlotHealth::committed) return;
  const auto armed = files_->read(kArmedFile);
  if (!armed || !*armed || !(*armed)->starts_with(running.name + " ")) return;
  const std::string_view digits = std::string_view(**armed).substr(running.name.size() + 1);
  unsigned tries = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), tries);
  const bool counted = running.health == boot::SlotHealth::bad || running.tries_left < tries;
  std::string text;
  if (!counted)
    text =
        Error{boot::kNotCounting, "group " + running.name + " was armed with " + std::to_string(tries) +
                                      " tries and has booted, but the boot loader still counts " + std::to_string(running.tries_left) +
                                      "; a system that hangs would be booted again and again. Install the project's boot script, or mend "
                                      "the one that is there"}
            .text();
  if (text == warning()) return;
  if (!text.empty()) log::error(text);
  if (const auto kept = files_->replace(kNotCountingFile, text); !kept) log::warning(kept.error().text());
}

std::string TryCounting::warning() const {
  const auto kept = files_->read(kNotCountingFile);
  return kept && *kept ? **kept : std::string();
}

}  // namespace aloft::agent
