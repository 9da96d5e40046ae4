// The small files that the agent keeps beside its journal, as anything may have left them: none keeps it from starting, and what they say
// stays within bounds.
#include "agent/ddi_actions.hpp"
#include "agent/deferral.hpp"
#include "agent/download_gate.hpp"
#include "agent/download_tally.hpp"
#include "agent/errors.hpp"
#include "agent/hold_gate.hpp"
#include "agent/install_gate.hpp"
#include "agent/local_api.hpp"
#include "agent/trial_start.hpp"
#include "agent/try_counting.hpp"
#include "agent/waiting_switches.hpp"
#include "input_file.hpp"
#include "memory_state.hpp"

namespace {

using namespace aloft;

void read_gates(const std::filesystem::path& file) {
  FakeClock clock;
  const agent::Deferral deferral(file, clock);
  require(deferral.left() >= std::chrono::milliseconds(0) && deferral.left() <= agent::kMaxDefer);
  const agent::InstallGate gate(file, file, clock);
  require(!gate.agreed(0) && !(gate.agreed(1) && gate.agreed(2)));
  require(!gate.objection(0) && !(gate.objection(1) && gate.objection(2)));
  const agent::HoldGate hold(file);
  require(!hold.objection(0) && !(hold.objection(1) && hold.objection(2)));
  static const agent::DownloadConfig config;
  const agent::DownloadGate download(config, file, [] { return std::vector<std::string>{"wwan0"}; });
  require(!download.limits(0).bytes);
}

void read_actions(const std::filesystem::path& file) {
  const agent::DdiActions actions(file, "https://hawkbit.example/default/controller/v1/cam-01");
  if (const auto latest = actions.latest()) {
    require(latest->server == actions.server() && actions.named(latest->action)->action == latest->action);
    require(actions.numbered(latest->number).has_value());
  }
}

}  // namespace

extern "C" int state_files_fuzz(const std::uint8_t* data, std::size_t size) {
  static const InputFile file;
  const std::filesystem::path path = file.holding(std::as_bytes(std::span(data, size)));
  read_gates(path);
  read_actions(path);
  const std::string text(reinterpret_cast<const char*>(data), size);
  MemoryState files(text);
  agent::TryCounting(files).started({"B", boot::SlotHealth::trial, 2});
  files = MemoryState(text);
  const SteadyTime now{std::chrono::seconds(100)};
  require(agent::TrialStart(files, "boot-1").begun(now) <= now);
  const auto tally = agent::DownloadTally::read(files, 7);
  require(tally.keep(files).has_value() && agent::DownloadTally::read(files, 7).fetched_bytes() == tally.fetched_bytes());
  files = MemoryState(text);
  agent::WaitingSwitches switches(files);
  const auto waiting = switches.all();
  if (!waiting) return 0;
  require(switches.make_all_due().has_value());
  const auto due = switches.all();
  require(due && due->size() == waiting->size());
  for (const auto& [slot_class, one] : *due)
    require(one.due && one.content.sha256 == waiting->at(slot_class).content.sha256 &&
            one.content.size_bytes == waiting->at(slot_class).content.size_bytes);
  return 0;
}
