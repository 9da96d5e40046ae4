#include "agent/install_gate.hpp"

#include <charconv>
#include <ctime>

#include "agent/errors.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

constexpr std::time_t kFirstOf2020 = 1'577'836'800;

std::string window_text(const protocol::MaintenanceWindow& window) {
  const Json json = protocol::to_json(protocol::InstallPolicy{.window = window, .consent = false});
  const Json& shown = json.at("window");
  std::string text = shown.at("from").get<std::string>() + " to " + shown.at("until").get<std::string>();
  if (window.days == 0x7f) return text;
  for (const Json& day : shown.at("days")) text += " " + day.get<std::string>();
  return text;
}

}  // namespace

InstallGate::InstallGate(std::filesystem::path file, Clock& clock) : file_(std::move(file)), clock_(clock) {
  const auto text = read_file(file_, 64);
  std::uint64_t agreed = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), agreed);
  agreed_ = agreed;
}

std::optional<Error> InstallGate::objection(std::uint64_t deployment, const protocol::InstallPolicy& policy) const {
  const auto& window = policy.window;
  if (window) {
    const std::time_t now = std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
    std::tm local{};
    const bool known = now >= kFirstOf2020 && ::localtime_r(&now, &local) != nullptr;
    const auto weekday = static_cast<unsigned>(local.tm_wday + 6) % 7;  // Monday is 0
    const auto minute = static_cast<unsigned>(local.tm_hour * 60 + local.tm_min);
    if (!known)
      return Error{kOutsideWindow, "waits for its maintenance window (" + window_text(*window) + "), and the device's clock is not set"};
    if (!protocol::is_open(*window, weekday, minute))
      return Error{kOutsideWindow, "waits for its maintenance window: " + window_text(*window) + ", device's time"};
  }
  if (policy.consent && !agreed(deployment)) return Error{kNeedsConsent, "waits for a person at the device to agree: aloftd accept"};
  return std::nullopt;
}

Result<> InstallGate::consent(std::uint64_t deployment) {
  agreed_ = deployment;
  return replace_file(file_, std::to_string(deployment) + "\n", 0644);
}

}  // namespace aloft::agent
