#include "storage/mender_module.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/errors.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "storage/errors.hpp"
#include "storage/module_download.hpp"

namespace aloft::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kRollbackAttempts = 3;
constexpr std::size_t kModuleQueueBytes = 1U << 20;
constexpr std::string_view kStateFile = "aloft-state";

Error failed(const ModuleSpec& spec, const std::string& state, const ProcessEnd& end) {
  const std::string why = last_line(end.output);
  return Error{kModule, spec.module.filename().string() + " " + state +
                            (end.timed_out ? " took longer than " + std::to_string(spec.timeout.count()) + " s"
                                           : " ended with status " + std::to_string(end.exit_status)) +
                            (why.empty() ? "" : ": " + why)};
}

Result<ProcessEnd> run_state(const ModuleSpec& spec, const std::string& state) {
  ChildSpec child{.argv = {spec.module.string(), state, spec.tree.string()}, .folder = spec.tree};
  Child running = TRY(Child::start(std::move(child)));
  return running.wait(spec.timeout);
}

}  // namespace

Result<> Module::make_tree(const bundle::Image& image) const {
  std::error_code problem;
  fs::remove_all(spec_.tree, problem);
  for (const char* folder : {"header", "tmp", "streams"}) {
    fs::create_directories(spec_.tree / folder, problem);
    if (problem) return fail(system_error("making", spec_.tree / folder, problem.value()));
  }
  const std::string type = spec_.module.filename().string();
  const Json header_info = {{"payloads", {{{"type", type}}}},
                            {"artifact_provides", {{"artifact_name", image.name}}},
                            {"artifact_depends", {{"device_type", {spec_.device_type}}}}};
  const std::pair<const char*, std::string> files[] = {
      {"version", "3\n"},
      {"current_artifact_name", spec_.artifact_name + "\n"},
      {"current_artifact_group", "\n"},
      {"current_device_type", spec_.device_type + "\n"},
      {"header/artifact_name", image.name + "\n"},
      {"header/artifact_group", "\n"},
      {"header/payload_type", type + "\n"},
      {"header/header-info", header_info.dump()},
      {"header/type-info", Json({{"type", type}}).dump()},
      {"header/meta-data", "{}"},
  };
  for (const auto& [name, content] : files) TRY(replace_file(spec_.tree / name, content));
  return {};
}

Result<> Module::call(const std::string& state) const {
  log::info("module " + spec_.module.filename().string() + ": " + state);
  const ProcessEnd end = TRY(run_state(spec_, state));
  if (end.timed_out || end.exit_status != 0) return fail(failed(spec_, state, end));
  return {};
}

Result<std::string> Module::ask(const std::string& state) const {
  const ProcessEnd end = TRY(run_state(spec_, state));
  if (end.timed_out || end.exit_status != 0) return fail(failed(spec_, state, end));
  return end.output.substr(0, end.output.find('\n'));
}

Result<> Module::note(const std::string& state) const { return replace_file(spec_.tree / kStateFile, state); }

std::string Module::noted() const { return read_file(spec_.tree / kStateFile, 64).value_or(""); }

Result<> Module::install() const {
  TRY(note("installing"));
  TRY(call("ArtifactInstall"));
  return note(TRY(ask("NeedsArtifactReboot")) == "Yes" ? "installed-reboot" : "installed");
}

Result<> Module::commit() const {
  if (!fs::exists(spec_.tree)) return {};
  const auto go_on = [this]() -> Result<> {
    if (noted() == "installed-reboot") {
      TRY(note("rebooted"));  // before: the module may restart the machine
      TRY(call("ArtifactReboot"));
    }
    if (noted() == "rebooted") TRY(call("ArtifactVerifyReboot"));
    if (noted() != "committed") TRY(call("ArtifactCommit"));
    return note("committed");
  };
  if (auto done = go_on(); !done) {
    if (auto given_up = give_up(); !given_up) log::warning("slot: " + given_up.error().text());
    return done;
  }
  return clean_up();
}

Result<> Module::roll_back() const {
  if (TRY(ask("SupportsRollback")) != "Yes") return {};
  const bool rebooted = noted() == "rebooted";
  TRY(note("rolling-back"));
  TRY(call("ArtifactRollback"));
  if (!rebooted) return {};
  TRY(call("ArtifactRollbackReboot"));
  for (int attempt = 1;; ++attempt) {
    auto verified = call("ArtifactVerifyRollbackReboot");
    if (verified || attempt == kRollbackAttempts) return verified;
  }
}

Result<> Module::give_up() const {
  if (!fs::exists(spec_.tree)) return {};
  const std::string state = noted();
  Result<> done;
  if (!state.empty() && state != "committed") done = roll_back();
  if (!state.empty()) {  // a download that failed has changed nothing
    if (auto told = call("ArtifactFailure"); !told && done) done = told;
  }
  if (auto cleaned = clean_up(); !cleaned && done) done = cleaned;
  return done;
}

Result<> Module::clean_up() const {
  auto done = call("Cleanup");
  std::error_code problem;
  fs::remove_all(spec_.tree, problem);
  return done;
}

Result<> ModuleTarget::begin(const bundle::Image& image) {
  TRY(module_.make_tree(image));
  begun_ = true;
  queue_ = std::make_unique<ByteQueue>(kModuleQueueBytes);
  worker_ = std::jthread([this] {
    downloaded_ = download_to_module(*queue_, module_);
    queue_->give_up();
  });
  return {};
}

Result<> ModuleTarget::append(ByteView content) {
  if (queue_->push(content)) return {};
  worker_.join();
  TRY(downloaded_);
  return fail(kBadArchive, "the payload goes on behind its archive's end");
}

Result<> ModuleTarget::finish() {
  queue_->close();
  worker_.join();
  TRY(downloaded_);
  TRY(module_.install());
  begun_ = false;
  return {};
}

void ModuleTarget::abort() {
  if (queue_) queue_->cut();
  if (worker_.joinable()) worker_.join();
  if (!std::exchange(begun_, false)) return;
  if (auto given_up = module_.give_up(); !given_up) log::warning("slot: " + given_up.error().text());
}

}  // namespace aloft::storage
