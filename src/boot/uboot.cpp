#include "boot/uboot.hpp"

#include <algorithm>
#include <charconv>

#include "base/file.hpp"
#include "boot/errors.hpp"
#include "boot/fw_env_config.hpp"
#include "boot/uboot_bootcount.hpp"

namespace aloft::boot {
namespace {

constexpr std::string_view kBootOrder = "BOOT_ORDER";
constexpr std::uint64_t kMaxConfigBytes = 16 << 10;

std::string left_variable(std::string_view slot) { return "BOOT_" + std::string(slot) + "_LEFT"; }

std::string hex_digit(unsigned value) { return std::string(1, "0123456789abcdef"[value % 16]); }

// Lines NAME=VALUE.
UbootVariables parse_initial_env(std::string_view text) {
  UbootVariables variables;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos && equals != 0 && line[0] != '#')
      variables.insert_or_assign(std::string(line.substr(0, equals)), line.substr(equals + 1));
    at = end + 1;
  }
  return variables;
}

}  // namespace

Result<> UbootControl::load_variables() {
  no_beginning_.reset();
  auto found = environment_->load();
  if (found) {
    variables_ = *std::move(found);
    return {};
  }
  variables_.clear();
  if (auto initial = read_file(initial_env_, kMaxUbootEnvBytes)) {
    variables_ = parse_initial_env(*initial);
  } else {
    no_beginning_ = std::move(initial).error();
  }
  return fail(std::move(found).error());
}

std::string UbootControl::value(std::string_view name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? std::string() : found->second;
}

Result<> UbootControl::save() {
  // An environment of nothing but boot state would be valid, and U-Boot would have no bootcmd.
  if (no_beginning_)
    return fail(kBootStateCorrupt, "U-Boot's environment is lost, and what to begin a new one with cannot be read (boot.initial_env: " +
                                       no_beginning_->message + "); U-Boot goes on with what it has built in");
  return environment_->save(variables_);
}

Result<std::vector<std::string>> UbootControl::examine(Probe probe) {
  const BootState state = TRY(load());
  auto weak = environment_->weaknesses();
  if (const auto initial = read_file(initial_env_, kMaxUbootEnvBytes); !initial)
    weak.push_back("boot.initial_env cannot be read (" + initial.error().message +
                   "), so an environment that is lost cannot be written anew; install U-Boot's u-boot-initial-env there, or say /dev/null "
                   "where the environment holds nothing but boot state");
  TRY(environment_->check_writable());
  if (probe == Probe::rewrite) TRY(save());
  return weak;
}

Result<BootState> UbootOrderControl::load() {
  TRY(load_variables());
  const std::string trial = value(kTrialSlot);
  return ordered(value(kBootOrder), slots(), [&](const std::string& name) -> SlotState {
    const std::string left = value(left_variable(name));
    unsigned tries = 0;
    const auto [end, problem] = std::from_chars(left.data(), left.data() + left.size(), tries, 16);
    if (problem != std::errc() || end != left.data() + left.size()) tries = attempts_;  // the script's own first value
    if (tries == 0) return {name, SlotHealth::bad, 0};
    if (name == trial) return {name, SlotHealth::trial, tries};
    return {name, SlotHealth::committed, 0};
  });
}

Result<> UbootOrderControl::store(const BootState& state) {
  // There is one trial at a time: whoever was on trial behind it is bad. One whose tries are used up stays named and in the order, as
  // long as it is first: that tells it from one that was taken out.
  const auto on_trial = std::ranges::find(state.order, SlotHealth::trial, &SlotState::health);
  const SlotState& first = state.order.front();
  std::string trial;
  if (on_trial != state.order.end()) {
    trial = on_trial->name;
  } else if (first.health == SlotHealth::bad && first.name == value(kTrialSlot)) {
    trial = first.name;
  }
  std::string order;
  for (const SlotState& slot : state.order) {
    const bool committed = slot.health == SlotHealth::committed;
    if (committed || slot.name == trial) order += (order.empty() ? "" : " ") + slot.name;
    set(left_variable(slot.name), hex_digit(committed ? attempts_ : slot.name == trial ? slot.tries_left : 0));
  }
  set(kBootOrder, order);
  set(kTrialSlot, trial);
  return save();
}

Result<> UbootOrderControl::confirm(std::string_view booted) {
  TRY(load());
  const auto order = words(value(kBootOrder));
  if (std::ranges::find(order, booted) == order.end() || value(kTrialSlot) == booted) return {};
  if (value(left_variable(booted)) == hex_digit(attempts_)) return {};
  set(left_variable(booted), hex_digit(attempts_));
  return save();
}

Result<std::unique_ptr<BootControl>> open_uboot(const Settings& settings, std::vector<std::string> slots) {
  const std::string text = TRY(read_file(settings.text("fw_env_config"), kMaxConfigBytes));
  auto environment = TRY(open_uboot_env(TRY(parse_fw_env_config(text))));
  const std::filesystem::path initial_env = settings.text("initial_env");
  if (settings.text("convention") == "bootcount")
    return open_uboot_bootcount(settings, std::move(environment), initial_env, std::move(slots));
  return std::make_unique<UbootOrderControl>(std::move(environment), initial_env, std::move(slots),
                                             static_cast<unsigned>(settings.number("attempts")));
}

}  // namespace aloft::boot
