// Boot control by the firmware's own boot manager: the kernel of each slot has a boot entry.
//   BootOrder      the entries of committed slots, in order; entries of others stay where they are
//   BootNext       the entry of a slot on trial: the firmware deletes it before it starts the slot, so a trial is one boot
//   AloftTrial     (GUID of ours) "first B" or nothing: the slot last put on trial, which tells one that used up its try from one that
//                  was never armed; "parked C A": slots marked bad, the last marked last
// What is written in which order, and what a power cut leaves: docs/boot-control.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "boot/boot_control.hpp"
#include "boot/efi_load_option.hpp"
#include "boot/efi_variables.hpp"
#include "boot/settings.hpp"

namespace aloft::boot {

inline constexpr std::string_view kTrialVariable = "AloftTrial-15c23ae6-f732-426d-9ec7-d8465fd2d432";

struct UefiSlot {
  std::string name;   // "A"
  std::string label;  // of its boot entry; the active ones with this label are the slot's, usually one
  // Makes the entry where there is none. Null: the integrator makes it.
  std::function<Result<LoadOption>()> make;
};

// What AloftTrial says.
struct TrialMark {
  std::string first;
  std::vector<std::string> parked;
  bool operator==(const TrialMark&) const = default;
};
// What is no mark is an empty one: the mark only advises.
TrialMark parse_trial_mark(std::string_view text);
std::string format_trial_mark(const TrialMark& mark);

class UefiControl final : public BootControl {
 public:
  UefiControl(std::unique_ptr<EfiVariables> variables, std::vector<UefiSlot> slots)
      : variables_(std::move(variables)), slots_(std::move(slots)) {}

  unsigned max_tries() const override { return 1; }
  Result<BootState> read() override;
  Result<std::optional<std::string>> booted() override;
  Result<> arm(std::string_view slot, unsigned tries) override;
  Result<> commit(std::string_view slot) override;
  Result<> mark_bad(std::string_view slot) override;
  Result<> confirm(std::string_view) override { return {}; }
  Result<> rebuild(std::string_view booted) override;
  Result<std::optional<std::string>> restart_argument() override { return std::nullopt; }
  bool trial_needs_argument() const override { return false; }
  Result<std::vector<std::string>> examine(Probe probe) override;

 private:
  struct Firmware {
    std::map<std::uint16_t, std::string> entries;  // the slots', each with its slot's name
    std::vector<std::uint16_t> order;
    std::optional<std::uint16_t> next;
    std::optional<std::uint16_t> current;
    TrialMark mark;

    bool is_of(std::uint16_t entry, std::string_view slot) const;
    bool is_in_order(std::string_view slot) const;
    std::optional<std::string> slot_of(std::uint16_t entry) const;
    // Of several the one that was started, then the one that is to be: others may lead to a partition that is no more.
    std::optional<std::uint16_t> entry_of(std::string_view slot) const;
    // The slot that BootNext starts, unless it is committed.
    std::optional<std::string> trial() const;
  };
  Result<Firmware> look();
  Result<std::vector<std::uint16_t>> numbers(std::string_view name);
  BootState state_of(const Firmware& now) const;
  Result<Firmware> look_at_sound();
  Result<> known(std::string_view slot) const;
  Result<std::uint16_t> entry_for(const Firmware& now, std::string_view slot);
  Result<std::uint16_t> create_entry(const UefiSlot& slot);
  Result<> set_order(Firmware& now, std::vector<std::uint16_t> order);
  Result<> set_mark(Firmware& now, TrialMark mark);
  Result<> drop_next(Firmware& now);
  Result<> take_out_of_order(Firmware& now, std::string_view slot);

  std::unique_ptr<EfiVariables> variables_;
  std::vector<UefiSlot> slots_;
};

Result<std::unique_ptr<BootControl>> open_uefi(const Settings& settings, std::vector<std::string> slots);

}  // namespace aloft::boot
