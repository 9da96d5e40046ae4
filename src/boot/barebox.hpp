// Boot control for barebox by the variables of its bootchooser (barebox Documentation/user/bootchooser.rst) in its state:
//   bootstate.B.priority             0: never booted; the highest is booted first. Odd: the slot is on trial. Even: it is committed
//   bootstate.B.remaining_attempts   counted down by barebox at every boot; 0: not booted. confirm() fills it up for a committed slot
//   bootstate.last_chosen            the number of the target that was booted
// What each variable's place in the state is, barebox's device tree says; here the settings do.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "boot/barebox_state.hpp"
#include "boot/record_control.hpp"
#include "boot/settings.hpp"

namespace aloft::boot {

inline constexpr unsigned kBareboxTries = 9;

// Offsets of 32-bit variables in the data.
struct BareboxLayout {
  struct Slot {
    std::size_t attempts_at;
    std::size_t priority_at;
    unsigned target = 0;  // the number that last_chosen has for it; 0: not known
  };
  std::map<std::string, Slot> slots;
  std::optional<std::size_t> last_chosen_at;
  std::size_t data_bytes = 0;  // at least
};

class BareboxControl final : public RecordControl {
 public:
  BareboxControl(std::unique_ptr<BareboxState> state, BareboxLayout layout, std::vector<std::string> slots, unsigned attempts)
      : RecordControl(std::move(slots), kBareboxTries), state_(std::move(state)), layout_(std::move(layout)), attempts_(attempts) {}
  Result<std::optional<std::string>> booted() override;
  Result<> confirm(std::string_view booted) override;
  Result<std::vector<std::string>> examine(Probe probe) override;

 protected:
  Result<BootState> load() override;
  Result<> store(const BootState& state) override;

 private:
  std::uint32_t get(std::size_t at) const;
  void set(std::size_t at, std::uint32_t value);
  std::unique_ptr<BareboxState> state_;
  BareboxLayout layout_;
  unsigned attempts_;
  std::string data_;
};

// Settings: device, offset, stride, magic, attempts, last_chosen_at, [boot.attempts_at], [boot.priority_at], [boot.target].
// Errors: kBootSetting for places that are missing or overlap.
Result<std::unique_ptr<BootControl>> open_barebox(const Settings& settings, std::vector<std::string> slots);

}  // namespace aloft::boot
