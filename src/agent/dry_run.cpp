#include "agent/dry_run.hpp"

#include <fcntl.h>

#include <iostream>
#include <map>

#include "agent/bundle_opener.hpp"
#include "agent/configured_boot.hpp"
#include "agent/configured_slots.hpp"
#include "agent/delta_source.hpp"
#include "agent/errors.hpp"
#include "agent/recovery_mark.hpp"
#include "agent/rehearsal.hpp"
#include "agent/system_facts.hpp"
#include "base/errors.hpp"
#include "base/file.hpp"
#include "storage/device_name.hpp"
#include "update/floor.hpp"
#include "update/journal.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{30};  // somebody waits for the answer

const SlotConfig* find_slot(const Config& config, const std::string& group, const std::string& slot_class) {
  const auto slots = config.groups.find(group);
  if (slots != config.groups.end())
    if (const auto slot = slots->second.find(slot_class); slot != slots->second.end()) return &slot->second;
  const auto shared = config.shared.find(slot_class);
  return shared == config.shared.end() ? nullptr : &shared->second;
}

// For reading, with the exclusive right that the kernel gives to what is not mounted (except to the running group, which is).
class OpenSlots {
 public:
  explicit OpenSlots(const Config& config, std::string booted) : config_(config), booted_(std::move(booted)) {}
  Result<bool> look(const std::string& group, const bundle::Image& image, std::uint64_t offset, MutableByteView out) {
    const SlotConfig* const slot = find_slot(config_, group, image.slot_class);
    if (slot == nullptr || slot->device.empty() || storage::is_streamed(image.type, slot->type) || image.type != "raw" ||
        storage::waits_for_commit(slot->type))
      return false;
    std::error_code problem;
    const fs::path device = TRY(storage::find_device(slot->device));
    const bool exclusive = group != booted_ && !slot->single && fs::is_block_file(device, problem);
    Fd& fd = open_[device];
    if (!fd) fd = TRY(open_file(device, O_RDONLY | (exclusive ? O_EXCL : 0)));
    return TRY(read_full_at(fd.get(), out, offset)) == out.size();
  }

 private:
  const Config& config_;
  std::string booted_;
  std::map<fs::path, Fd> open_;
};

// The state folder, for looking at only; it need not be there.
class ReadOnlyFiles final : public update::StateFiles {
 public:
  explicit ReadOnlyFiles(fs::path folder) : folder_(std::move(folder)) {}
  Result<std::optional<std::string>> read(std::string_view name) override {
    auto content = read_file(folder_ / name);
    if (content) return std::optional(*std::move(content));
    if (content.error().code.number == kNotFound.number) return std::optional<std::string>();
    return fail(std::move(content).error());
  }
  Result<> replace(std::string_view name, std::string_view) override { return refused(name); }
  Result<> append(std::string_view name, std::string_view) override { return refused(name); }
  Result<> set_aside(std::string_view name) override { return refused(name); }

 private:
  Result<> refused(std::string_view name) const { return fail(kPermission, (folder_ / name).string() + " is not written by a dry run"); }
  fs::path folder_;
};

update::State last_of(const Config& config) {
  const auto text = read_file(config.state_dir / "journal", update::kMaxJournalBytes * 2);
  const auto records = update::parse_journal(text.value_or("")).records;
  return records.empty() ? update::State() : records.back();
}

}  // namespace

Result<> dry_run(const Config& config, const std::string& uri, Output output) {
  Fd input;
  if (uri == "-") input = TRY(standard_input());
  SystemClock clock;
  SystemRandom random;
  ReadOnlyFiles files(config.state_dir);
  const auto control = TRY(open_boot_control(config));
  const SystemFacts system = TRY(read_system_facts(config, *control));
  RehearsalFacts facts{.product = config.product,
                       .hardware = config.hardware,
                       .booted = system.booted_group,
                       .recovery = config.recovery,
                       .recovery_whole = TRY(recovery_is_whole(files)),
                       .tries = tries(config, *control),
                       .floor = TRY(update::read_floor(files)),
                       .last = last_of(config),
                       .boot = TRY(control->read()),
                       .device_of = [&config](const std::string& group, const std::string& slot_class) {
                         const SlotConfig* const slot = find_slot(config, group, slot_class);
                         if (slot == nullptr) return std::string();
                         return slot->device + (slot->path.empty() ? "" : (slot->device.empty() ? "" : ":") + slot->path.string());
                       }};
  Config impatient = config;
  impatient.download.give_up = std::min<std::chrono::seconds>(config.download.give_up, kPatience);
  SourceOpener opener(impatient, nullptr, clock, random);
  const std::string source = input ? TRY(opener.attach(uri, std::move(input))) : absolute_source(uri);
  const auto bundle = TRY(opener.open(source));
  ConfiguredSlots slots(config, files);
  OpenSlots open(config, system.booted_group);
  const SlotLook look = [&open](const std::string& group, const bundle::Image& image, std::uint64_t offset, MutableByteView out) {
    return open.look(group, image, offset, out);
  };
  const Rehearsal plan = TRY(rehearse(facts, *bundle, slots, look));
  std::cout << (output == Output::json ? to_json(plan).dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : text_of(plan));
  if (!plan.obstacles.empty()) return fail(kWouldNotInstall, "the update would not take place");
  return {};
}

}  // namespace aloft::agent
