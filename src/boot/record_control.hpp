// What every boot loader has in common that keeps order and counters of all slots in one record: load it, change it, store it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "boot/boot_control.hpp"

namespace aloft::boot {

class RecordControl : public BootControl {
 public:
  unsigned max_tries() const final { return max_tries_; }
  Result<BootState> read() final { return load(); }
  Result<std::optional<std::string>> booted() override { return std::nullopt; }
  Result<> arm(std::string_view slot, unsigned tries) final;
  Result<> commit(std::string_view slot) final;
  Result<> mark_bad(std::string_view slot) final;
  Result<> confirm(std::string_view) override { return {}; }
  Result<> rebuild(std::string_view booted) final;
  Result<std::optional<std::string>> restart_argument() override { return std::nullopt; }
  bool trial_needs_argument() const override { return false; }

 protected:
  // slots: the names that the boot loader knows, in the order in which a new state names them.
  RecordControl(std::vector<std::string> slots, unsigned max_tries) : slots_(std::move(slots)), max_tries_(max_tries) {}

  // The state as it is; remembers what else the record holds. On an error it remembers what can be kept.
  virtual Result<BootState> load() = 0;
  // One atomic durable write, read back, of the state and of what the last load() remembered.
  virtual Result<> store(const BootState& state) = 0;

  const std::vector<std::string>& slots() const { return slots_; }

 private:
  Result<> known(std::string_view slot) const;
  std::vector<std::string> slots_;
  unsigned max_tries_;
};

// The variable that names the slot on trial, where a boot loader keeps variables.
inline constexpr std::string_view kTrialSlot = "aloft_trial";

// What is separated by spaces, tabs or newlines.
std::vector<std::string> words(std::string_view text);
// The words of `order` that are slots, each once, in this order; and then the slots that it leaves out, as bad. `state` makes a slot's
// state from its name. Errors: kBootStateCorrupt where none is named.
Result<BootState> ordered(std::string_view order, const std::vector<std::string>& slots,
                          const std::function<SlotState(const std::string&)>& state);

}  // namespace aloft::boot
