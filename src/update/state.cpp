#include "update/state.hpp"

#include <algorithm>
#include <array>

#include "base/errors.hpp"

namespace aloft::update {
namespace {

constexpr std::array<std::string_view, kPhaseCount> kPhaseNames = {
    "idle",       "offered",  "accepted",    "downloading", "installing", "verified",  "armed",     "rebooting", "on_trial",   "committed",
    "retreating", "returned", "rolled_back", "failed",      "deferred",   "cancelled", "summoning", "crossing",  "unanswered", "stranded",
};

Result<Phase> phase_of(std::string_view name) {
  const auto found = std::ranges::find(kPhaseNames, name);
  if (found == kPhaseNames.end()) return fail(kBadJson, "'" + std::string(name) + "' is no phase of an update");
  return static_cast<Phase>(found - kPhaseNames.begin());
}

}  // namespace

std::string_view to_string(Phase phase) { return kPhaseNames.at(static_cast<std::size_t>(phase)); }

bool is_at_rest(Phase phase) {
  return phase == Phase::idle || phase == Phase::committed || phase == Phase::rolled_back || phase == Phase::failed ||
         phase == Phase::cancelled;
}

Json to_json(const State& state) {
  Json json{{"phase", to_string(state.phase)},
            {"update", state.update},
            {"sequence", state.sequence},
            {"deployment", state.deployment},
            {"time_ms", state.time_ms},
            {"source", state.source},
            {"manifest", state.manifest_sha256},
            {"version", state.version},
            {"security_version", state.security_version},
            {"origin", state.origin},
            {"target", state.target},
            {"boot_id", state.boot_id},
            {"error", state.error},
            {"error_name", state.error_name},
            {"message", state.message},
            {"mark_image", state.mark.image},
            {"mark_frames", state.mark.frames}};
  if (!state.via.empty()) json["via"] = state.via;
  return json;
}

Result<State> state_from_json(const Json& json) {
  JsonObject object = TRY(JsonObject::of(json, "journal record"));
  State state;
  state.phase = TRY(phase_of(TRY(object.text("phase"))));
  state.update = TRY(object.number("update"));
  state.sequence = TRY(object.number("sequence"));
  state.deployment = TRY(object.number("deployment"));
  state.time_ms = TRY(object.number("time_ms"));
  state.source = TRY(object.text("source"));
  state.manifest_sha256 = TRY(object.text("manifest"));
  state.version = TRY(object.text("version"));
  state.security_version = TRY(object.number("security_version"));
  state.origin = TRY(object.text("origin"));
  state.target = TRY(object.text("target"));
  state.via = TRY(object.optional_text("via")).value_or("");
  state.boot_id = TRY(object.text("boot_id"));
  state.error = TRY(object.number("error", UINT16_MAX));
  state.error_name = TRY(object.text("error_name"));
  state.message = TRY(object.text("message"));
  state.mark.image = TRY(object.number("mark_image"));
  state.mark.frames = TRY(object.number("mark_frames"));
  TRY(object.no_more());
  return state;
}

}  // namespace aloft::update
