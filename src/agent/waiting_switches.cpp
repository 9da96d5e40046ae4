#include "agent/waiting_switches.hpp"

#include <algorithm>

#include "base/errors.hpp"
#include "base/json.hpp"

namespace aloft::agent {
namespace {

constexpr std::string_view kSwitchesFile = "switches";

}  // namespace

Result<std::map<std::string, WaitingSwitch>> WaitingSwitches::all() {
  std::map<std::string, WaitingSwitch> found;
  const auto text = TRY(files_.read(kSwitchesFile));
  if (!text || text->empty()) return found;
  const Json json = TRY(parse_json(*text));
  if (!json.is_object()) return fail(kBadJson, "switches in the state folder is damaged; remove it, and install the last bundle again");
  for (const auto& [slot_class, value] : json.items()) {
    auto object = TRY(JsonObject::of(value, "switches." + slot_class));
    WaitingSwitch& one = found[slot_class];
    const auto digest = TRY(from_hex(TRY(object.text("sha256"))));
    if (digest.size() != one.content.sha256.size()) return fail(kBadJson, "switches." + slot_class + ": no digest");
    std::ranges::copy(digest, one.content.sha256.begin());
    one.content.size_bytes = TRY(object.number("size"));
    one.due = TRY(object.number("due")) != 0;
    TRY(object.no_more());
  }
  return found;
}

Result<> WaitingSwitches::keep(const std::map<std::string, WaitingSwitch>& all) {
  Json json = Json::object();
  for (const auto& [slot_class, one] : all)
    json[slot_class] = {{"sha256", to_hex(one.content.sha256)}, {"size", one.content.size_bytes}, {"due", one.due ? 1U : 0U}};
  return files_.replace(kSwitchesFile, json.dump());
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

Result<> WaitingSwitches::make_all_due() {
  auto known = TRY(all());
  if (std::ranges::all_of(known, [](const auto& one) { return one.second.due; })) return {};
  for (auto& [slot_class, one] : known) one.due = true;
  return keep(known);
}

}  // namespace aloft::agent
