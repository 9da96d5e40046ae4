#include "agent/waiting_switches.hpp"

#include <algorithm>

#include "base/errors.hpp"
#include "base/json.hpp"
#include "update/errors.hpp"

namespace aloft::agent {
namespace {

constexpr std::string_view kSwitchesFile = "switches";
constexpr std::size_t kMaxMessageBytes = 2048;

Result<std::map<std::string, WaitingSwitch>> parse(std::string_view text) {
  std::map<std::string, WaitingSwitch> found;
  const Json json = TRY(parse_json(text));
  if (!json.is_object()) return fail(kBadJson, "it is no object");
  for (const auto& [slot_class, value] : json.items()) {
    auto object = TRY(JsonObject::of(value, "switches." + slot_class));
    WaitingSwitch& one = found[slot_class];
    const auto digest = TRY(from_hex(TRY(object.text("sha256"))));
    if (digest.size() != one.content.sha256.size()) return fail(kBadJson, "switches." + slot_class + ": no digest");
    std::ranges::copy(digest, one.content.sha256.begin());
    one.content.size_bytes = TRY(object.number("size"));
    one.due = TRY(object.number("due")) != 0;
    one.error = TRY(object.optional_number("error")).value_or(0);
    one.message = TRY(object.optional_text("message", 3 * kMaxMessageBytes)).value_or("");
    TRY(object.no_more());
  }
  return found;
}

}  // namespace

Error told(const RefusedSwitch& refused) {
  const std::string what = refused.slot_class.empty()
                               ? "shared slots that had still to switch to what was committed keep what they had"
                               : "shared slot " + refused.slot_class + " keeps what it had, and does not switch to what was committed";
  return {update::kSlotRefuses, what + ": " + refused.message};
}

Result<std::map<std::string, WaitingSwitch>> WaitingSwitches::all() {
  const auto text = TRY(files_.read(kSwitchesFile));
  if (!text || text->empty()) return std::map<std::string, WaitingSwitch>();
  auto found = parse(*text);
  if (!found) return fail(kBadJson, "switches in the state folder is damaged: " + found.error().message);
  return found;
}

Result<> WaitingSwitches::forget_all() { return files_.set_aside(kSwitchesFile); }

Result<> WaitingSwitches::keep(const std::map<std::string, WaitingSwitch>& all) {
  Json json = Json::object();
  for (const auto& [slot_class, one] : all) {
    json[slot_class] = {{"sha256", to_hex(one.content.sha256)}, {"size", one.content.size_bytes}, {"due", one.due ? 1U : 0U}};
    if (one.error != 0) json[slot_class].update({{"error", one.error}, {"message", one.message}});
  }
  return files_.replace(kSwitchesFile, json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<> WaitingSwitches::add(const std::string& slot_class, const storage::Waiting& content) {
  auto known = TRY(all());
  known[slot_class] = {.content = content, .due = false};
  return keep(known);
}

Result<> WaitingSwitches::remove(const std::string& slot_class) {
  auto known = TRY(all());
  if (known.erase(slot_class) == 0) return {};
  return keep(known);
}

Result<> WaitingSwitches::note(const std::string& slot_class, const Error& why) {
  auto known = TRY(all());
  const auto found = known.find(slot_class);
  const std::string message = why.text().substr(0, kMaxMessageBytes);
  if (found == known.end() || (found->second.error == why.code.number && found->second.message == message)) return {};
  found->second.error = why.code.number;
  found->second.message = message;
  return keep(known);
}

Result<> WaitingSwitches::make_all_due() {
  auto known = TRY(all());
  if (std::ranges::all_of(known, [](const auto& one) { return one.second.due; })) return {};
  for (auto& [slot_class, one] : known) one.due = true;
  return keep(known);
}

}  // namespace aloft::agent
