// For tests: the software of one boot, gone with the power: the real updater on simulated hardware.
#pragma once

#include <functional>

#include "agent/errors.hpp"
#include "agent/shared_switches.hpp"
#include "agent/test_hardware.hpp"
#include "agent/updater.hpp"
#include "storage/flash_target.hpp"

namespace aloft::agent::test {

class MemoryBundle final : public OpenBundle {
 public:
  MemoryBundle(const Bytes& bytes, const crypto::TrustStore& trust)
      : source_(bytes, true), reader_(must(bundle::Reader::open(source_, trust, crypto::test::kNow))) {}
  bundle::Reader& reader() override { return reader_; }
  bool is_remote() const override { return false; }

 private:
  bundle::test::MemorySource source_;
  bundle::Reader reader_;
};

// Boot control as a product with the fault would use it.
class FaultyControl final : public boot::BootControl {
 public:
  FaultyControl(std::unique_ptr<boot::BootControl> real, Fault fault) : real_(std::move(real)), fault_(fault) {}
  unsigned max_tries() const override { return real_->max_tries(); }
  Result<boot::BootState> read() override { return real_->read(); }
  Result<std::optional<std::string>> booted() override { return real_->booted(); }
  Result<> arm(std::string_view slot, unsigned tries) override { return real_->arm(slot, tries); }
  Result<> commit(std::string_view slot) override { return real_->commit(slot); }
  Result<> mark_bad(std::string_view slot) override {
    if (fault_ == Fault::target_not_parked) return {};
    if (fault_ == Fault::armed_too_early) return real_->arm(slot, 1);
    return real_->mark_bad(slot);
  }
  Result<> confirm(std::string_view booted) override { return real_->confirm(booted); }
  Result<> rebuild(std::string_view booted) override { return real_->rebuild(booted); }
  Result<std::vector<std::string>> examine(boot::Probe probe) override { return real_->examine(probe); }
  Result<std::optional<std::string>> restart_argument() override { return real_->restart_argument(); }
  bool trial_needs_argument() const override { return real_->trial_needs_argument(); }

 private:
  std::unique_ptr<boot::BootControl> real_;
  Fault fault_;
};

// A slot's device. With a fault it does not flush, or loses its second write, with or without letting it be seen.
class SlotDevice final : public storage::BlockDevice {
 public:
  SlotDevice(SimDisk& disk, Fault fault) : disk_(disk), fault_(fault) {}
  std::uint64_t size_bytes() const override { return disk_.size_bytes(); }
  Result<> read(std::uint64_t offset, MutableByteView buffer) override {
    TRY(disk_.read(offset, buffer));
    if (fault_ != Fault::not_read_back || lost_.empty()) return {};
    for (std::size_t i = 0; i < buffer.size(); ++i) {
      if (offset + i >= lost_at_ && offset + i < lost_at_ + lost_.size()) buffer[i] = lost_[offset + i - lost_at_];
    }
    return {};
  }
  Result<> write(std::uint64_t offset, ByteView bytes) override {
    const bool loses = fault_ == Fault::not_read_back || fault_ == Fault::write_lost;
    if (!loses || ++writes_ != 2) return disk_.write(offset, bytes);
    lost_at_ = offset;
    lost_.assign(bytes.begin(), bytes.end());
    return {};
  }
  Result<> flush() override {
    if (fault_ == Fault::slots_not_flushed) return {};
    return disk_.flush();
  }

 private:
  SimDisk& disk_;
  Fault fault_;
  unsigned writes_ = 0;
  std::uint64_t lost_at_ = 0;
  Bytes lost_;
};

// A device with a block that can neither be written nor read.
class BadBlock final : public storage::BlockDevice {
 public:
  static constexpr std::uint64_t kAt = kRootfsBytes / 2;
  BadBlock(storage::Power& power, std::uint64_t size_bytes) : disk_(power, size_bytes) {}
  std::uint64_t size_bytes() const override { return disk_.size_bytes(); }
  Result<> read(std::uint64_t offset, MutableByteView buffer) override {
    if (covers(offset, buffer.size())) return fail(kIo, "Input/output error");
    return disk_.read(offset, buffer);
  }
  Result<> write(std::uint64_t offset, ByteView bytes) override {
    if (covers(offset, bytes.size())) return fail(kIo, "Input/output error");
    return disk_.write(offset, bytes);
  }
  Result<> flush() override { return disk_.flush(); }

 private:
  static bool covers(std::uint64_t offset, std::uint64_t size) { return offset <= kAt && kAt < offset + size; }
  storage::SimDisk disk_;
};

// The slots of a device on raw flash that exist once.
class SimSharedSlots final : public SharedSlots {
 public:
  explicit SimSharedSlots(storage::SimUbi& ubi) : ubi_(ubi) {}
  bool has(const std::string& slot_class) const override { return std::ranges::find(kSharedClasses, slot_class) != kSharedClasses.end(); }
  std::string together(const std::string&) const override { return "ubi-pair"; }
  Result<> commit_together(std::span<const DueSwitch> due) override {
    std::vector<storage::UbiSwitch> switches;
    for (const DueSwitch& one : due) switches.push_back({one.slot_class, one.content});
    return storage::switch_ubi(ubi_, switches);
  }
  Result<> commit(const DueSwitch&) override { std::abort(); }
  bool must_commit(const std::string&) const override { return true; }
  Result<> give_up(const std::string&) override { return {}; }

 private:
  storage::SimUbi& ubi_;
};

// One deployment, what is done about it at the device, and how it must end.
struct Deployment {
  const char* version;
  update::Phase end = update::Phase::committed;
  enum class Wish : std::uint8_t { none, cancel, defer_first, hold } wish = Wish::none;
};

class Session final : public BundleOpener, public Slots, public Surroundings {
 public:
  // `told` hears each transition as the server would.
  Session(Hardware& hardware, const std::string& booted, const std::string& boot_id, Fault fault,
          std::function<void(const update::State&)> told)
      : hardware_(hardware),
        booted_(booted),
        fault_(fault),
        told_(std::move(told)),
        control_(hardware.loader()->control(), fault),
        files_(hardware.state, fault),
        release_(*hardware.held(booted)) {
    UpdaterConfig config{.product = "lab-gateway", .hardware = "rev-a", .booted = booted, .boot_id = boot_id};
    config.recovery = hardware.layout.recovery;
    config.tries = std::min(config.tries, control_.max_tries());
    config.workers = 1;
    config.settle_bytes = bundle::kMinFrameBytes;
    if (hardware.flash) {
      shared_.emplace(hardware.flash->ubi);
      switches_.emplace(files_, *shared_);
    }
    updater_.emplace(config, UpdaterSeams{*this, *this, control_, files_, clock_, *this});
  }
  Updater& updater() { return *updater_; }
  bool rebooting() const { return rebooting_; }
  void wish(Deployment::Wish wish) {
    wish_ = wish;
    released_ = false;
  }
  void release() { released_ = true; }

  Result<std::unique_ptr<OpenBundle>> open(const std::string& source) override {
    const Release& release = releases().at(source);
    return std::make_unique<MemoryBundle>(hardware_.flash ? release.flash_bundle : release.bundle, releases().trust());
  }
  std::vector<std::string> groups() const override { return hardware_.layout.groups; }
  Result<std::map<std::string, SlotFacts>> facts(const std::string& group) override {
    if (hardware_.flash) return flash_facts();
    Hardware::Group& found = hardware_.slots.at(group);
    if (group == hardware_.layout.recovery) return std::map<std::string, SlotFacts>{{"recovery", {"raw", found.rootfs.size_bytes()}}};
    return std::map<std::string, SlotFacts>{{"rootfs", {"raw", found.rootfs.size_bytes()}}, {"boot", {"raw", found.boot.size_bytes()}}};
  }
  Result<storage::Target> open(const std::string& group, const bundle::Image& image) override {
    if (hardware_.flash) return open_flash(group, image.slot_class);
    return storage::device_target(std::make_unique<SlotDevice>(hardware_.slots.at(group).of(image.slot_class), fault_));
  }
  Result<> written(const bundle::Image& image) override {
    if (!switches_ || !shared_->has(image.slot_class)) return {};
    const storage::Waiting content{image.sha256, image.size_bytes};
    const DueSwitch due{image.slot_class, content};
    if (fault_ == Fault::shared_switched_early) return shared_->commit_together({&due, 1});
    return switches_->written(image.slot_class, content);
  }
  Result<> commit() override { return switches_ ? switches_->commit() : Result<>(); }
  Result<> abandon() override { return switches_ ? switches_->abandon() : Result<>(); }
  std::optional<Error> hold(std::uint64_t) override {
    if (wish_ != Deployment::Wish::hold || released_) return std::nullopt;
    return Error{kHeld, "until it is released"};
  }
  void decide(const update::State& offered) override {
    if (offered.error == kHeld.number && hold(offered.deployment)) return updater_->defer(Error{kHeld, offered.message});
    if (wish_ == Deployment::Wish::defer_first && !std::exchange(deferred_, true)) return updater_->defer("not now");
    updater_->accept();
  }
  void transition(const update::State& state) override { told_(state); }
  void progress(std::uint64_t permille) override {
    if (wish_ == Deployment::Wish::cancel && permille > 300) updater_->cancel();
  }
  void begin_trial(const update::State&) override {
    if (fault_ == Fault::commits_unproven) succeed(control_.commit(booted_));
    updater_->health_result({release_.character == Character::good, "the release is unhealthy by nature"});
  }
  Result<> reboot(const std::optional<std::string>& argument) override {
    rebooting_ = true;
    hardware_.loader()->restart(argument);
    return {};
  }
  bool pause_before_retry(unsigned attempt) override { return attempt < 3; }

 private:
  static std::map<std::string, SlotFacts> flash_facts() {
    std::map<std::string, SlotFacts> facts{{"boot", {"mtd", FlashHardware::kKernelChip.size_bytes}}, {"rootfs", {"ubi", kRootfsBytes}}};
    for (const std::string& shared : kSharedClasses) facts[shared] = {.type = "ubi-pair", .size_bytes = kSharedBytes, .shared = true};
    return facts;
  }
  storage::Target open_flash(const std::string& group, const std::string& slot_class) {
    FlashHardware& flash = *hardware_.flash;
    if (slot_class == "boot")
      return std::make_unique<storage::FlashTarget>(std::make_unique<storage::test::LentFlash>(flash.kernels.at(group)), "boot");
    auto ubi = std::make_unique<storage::test::LentUbi>(flash.ubi);
    if (slot_class == "rootfs")
      return std::make_unique<storage::UbiTarget>(std::move(ubi), FlashHardware::volume(group), storage::UbiContent::any);
    return storage::ubi_second_target(std::move(ubi), slot_class);
  }
  Hardware& hardware_;
  const std::string booted_;
  const Fault fault_;
  const std::function<void(const update::State&)> told_;
  FaultyControl control_;
  SimStateFiles files_;
  std::optional<SimSharedSlots> shared_;
  std::optional<SharedSwitches> switches_;
  const Release& release_;
  FakeClock clock_;
  std::optional<Updater> updater_;
  Deployment::Wish wish_ = Deployment::Wish::none;
  bool deferred_ = false;
  bool released_ = false;
  bool rebooting_ = false;
};

}  // namespace aloft::agent::test
