#include "boot/custom.hpp"

#include <algorithm>

#include "base/process.hpp"
#include "boot/errors.hpp"
#include "boot/order.hpp"

namespace aloft::boot {
namespace {

constexpr int kStateLost = 3;  // its exit status for a state that is corrupt or missing
constexpr std::size_t kMaxOrder = 64;

std::string_view answer_of(std::string_view output) {
  const auto end = output.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  output = output.substr(0, end + 1);
  return output.substr(output.find_last_of('\n') + 1);
}

Result<SlotState> slot_of(const Json& json, const std::vector<std::string>& slots) {
  JsonObject object = TRY(JsonObject::of(json, "order"));
  SlotState slot{.name = TRY(object.text("slot")), .health = SlotHealth::bad, .tries_left = 0};
  const std::string health = TRY(object.text("health"));
  const auto tries = TRY(object.optional_number("tries_left", kCustomTries));
  TRY(object.no_more());
  if (std::ranges::find(slots, slot.name) == slots.end()) return unknown_slot(slot.name);
  if (health == "committed") slot.health = SlotHealth::committed;
  if (health == "trial" && tries.value_or(0) > 0) {
    slot.health = SlotHealth::trial;
    slot.tries_left = static_cast<unsigned>(*tries);
  }
  if (health != "committed" && health != "trial" && health != "bad")
    return fail(kCustomAnswer, "the boot executable calls the health of slot " + slot.name + " \"" + health.substr(0, 32) +
                                   "\"; it must be committed, trial or bad");
  return slot;
}

Result<CustomState> state_of(const Json& json, const std::vector<std::string>& slots) {
  JsonObject object = TRY(JsonObject::of(json, "answer"));
  CustomState state;
  for (const Json& each : *TRY(object.array("order", kMaxOrder))) {
    SlotState slot = TRY(slot_of(each, slots));
    if (find_slot(state.boot, slot.name) != nullptr) return fail(kCustomAnswer, "the boot executable names slot " + slot.name + " twice");
    state.boot.order.push_back(std::move(slot));
  }
  state.booted = TRY(object.optional_text("booted"));
  if (state.booted && std::ranges::find(slots, *state.booted) == slots.end()) return unknown_slot(*state.booted);
  if (const Json* warnings = TRY(object.optional_array("warnings", kMaxOrder))) {
    for (const Json& warning : *warnings) {
      if (!warning.is_string()) return fail(kCustomAnswer, "a warning of the boot executable is no text");
      state.warnings.push_back(warning.get<std::string>());
    }
  }
  TRY(object.no_more());
  for (const std::string& name : slots) {
    if (find_slot(state.boot, name) == nullptr) state.boot.order.push_back({name, SlotHealth::bad, 0});
  }
  return state;
}

}  // namespace

Result<CustomState> parse_custom_state(std::string_view text, const std::vector<std::string>& slots) {
  const auto json = parse_json(text);
  auto state = json ? state_of(*json, slots) : std::unexpected(json.error());
  if (state || state.error().code.number == kUnknownSlot.number || state.error().code.number == kCustomAnswer.number) return state;
  return fail(kCustomAnswer, "the boot executable's answer to get: " + state.error().message);
}

Result<std::string> CustomControl::run(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv{executable_};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const ProcessEnd end = TRY(run_process(argv, timeout_));
  std::string call = executable_;
  for (const std::string& argument : arguments) call += " " + argument;
  if (end.timed_out) return fail(kCustomFailed, call + " has not ended after " + std::to_string(timeout_.count()) + " s");
  if (end.exit_status == 0) return end.output;
  if (end.exit_status == kStateLost) return fail(kBootStateCorrupt, call + ": " + last_line(end.output));
  return fail(kCustomFailed, call + " ended with status " + std::to_string(end.exit_status) + ": " + last_line(end.output));
}

Result<CustomState> CustomControl::get() {
  const std::string output = TRY(run({"get"}));
  return parse_custom_state(answer_of(output), slots_);
}

Result<> CustomControl::known(std::string_view slot) const {
  if (std::ranges::find(slots_, slot) != slots_.end()) return {};
  return unknown_slot(slot);
}

Result<> CustomControl::change(const std::vector<std::string>& arguments, const SlotState& wanted, bool first) {
  TRY(run(arguments));
  const CustomState now = TRY(get());
  const SlotState* slot = find_slot(now.boot, wanted.name);
  const bool is_first = now.boot.order.front().name == wanted.name;
  if (slot != nullptr && slot->health == wanted.health && slot->tries_left == wanted.tries_left && is_first == first) return {};
  return fail(kBootStateWrite, executable_ + " " + arguments.front() + " said that it was done, but get does not show it");
}

Result<BootState> CustomControl::read() { return TRY(get()).boot; }

Result<std::optional<std::string>> CustomControl::booted() { return TRY(get()).booted; }

Result<> CustomControl::arm(std::string_view slot, unsigned tries) {
  if (tries < 1 || tries > max_tries_)
    return fail(kBadTries, "tries must be 1 to " + std::to_string(max_tries_) + ", not " + std::to_string(tries));
  TRY(known(slot));
  return change({"arm", std::string(slot), std::to_string(tries)}, {std::string(slot), SlotHealth::trial, tries}, true);
}

Result<> CustomControl::commit(std::string_view slot) {
  TRY(known(slot));
  return change({"commit", std::string(slot)}, {std::string(slot), SlotHealth::committed, 0}, true);
}

Result<> CustomControl::mark_bad(std::string_view slot) {
  TRY(with_bad(TRY(read()), slot));  // refuses the last committed one
  return change({"mark-bad", std::string(slot)}, {std::string(slot), SlotHealth::bad, 0}, false);
}

Result<> CustomControl::confirm(std::string_view booted) {
  TRY(known(booted));
  TRY(run({"confirm", std::string(booted)}));
  return {};
}

Result<> CustomControl::rebuild(std::string_view booted) {
  TRY(known(booted));
  return change({"rebuild", std::string(booted)}, {std::string(booted), SlotHealth::committed, 0}, true);
}

Result<std::vector<std::string>> CustomControl::examine(Probe) { return TRY(get()).warnings; }

Result<std::unique_ptr<BootControl>> open_custom(const Settings& settings, std::vector<std::string> slots) {
  return std::make_unique<CustomControl>(settings.text("executable"), std::chrono::seconds(settings.number("timeout_s")), std::move(slots),
                                         static_cast<unsigned>(settings.number("most_tries")));
}

}  // namespace aloft::boot
