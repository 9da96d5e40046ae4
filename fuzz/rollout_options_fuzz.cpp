// What operators write after the options of `aloft rollout create`: each line of the input is one option's text, in the order below.
#include <cstdlib>
#include <sstream>

#include "cli/rollout_plan.hpp"
#include "fleet/rollout.hpp"

namespace {

using namespace aloft;

bool holds_a_hole(const Json& json) {
  if (json.is_null()) return true;
  if (!json.is_structured()) return false;
  for (const Json& member : json)
    if (holds_a_hole(member)) return true;
  return false;
}

}  // namespace

extern "C" int rollout_options_fuzz(const std::uint8_t* data, std::size_t size) {
  std::istringstream lines(std::string(reinterpret_cast<const char*>(data), size));
  const auto next = [&lines] {
    std::string line;
    std::getline(lines, line);
    return line;
  };
  cli::RolloutPlanOptions options;
  options.deadline = next();
  options.waves = {next()};
  options.gates = {next()};
  options.health_gates = {next()};
  options.success = next();
  options.rate_growth = next();
  options.start_at = next();
  options.window = next();
  options.rate = 1;
  if (const auto seconds = cli::seconds_of(options.deadline); seconds && *seconds > 10'000'000ULL * 86'400) std::abort();
  if (const auto share = cli::permille_of(options.success); share && *share > 1000) std::abort();
  Json plan;
  if (const auto made = cli::plan_json(options, 1)) {
    plan = *made;
  } else {
    return 0;
  }
  plan["filter"] = "name==*";
  // A number that JSON has no word for would reach the server as null.
  const auto sent = parse_json(plan.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!sent || holds_a_hole(*sent)) std::abort();
  const auto taken = fleet::rollout_plan_of(*sent);
  if (!taken || options.start_at.empty()) return 0;
  // The time that is sent is the one that was written.
  std::tm parts{};
  const auto seconds = static_cast<std::time_t>(taken->start_at_ms / 1000);
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (options.start_at != text) std::abort();
  return 0;
}
