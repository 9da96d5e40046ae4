// For tests: the software of one boot, gone with the power: the real updater on simulated hardware.
#pragma once

#include <functional>

#include "agent/test_hardware.hpp"
#include "agent/updater.hpp"

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

// One deployment, what is done about it at the device, and how it must end.
struct Deployment {
  const char* version;
  update::Phase end = update::Phase::committed;
  enum class Wish : std::uint8_t { none, cancel, defer_first } wish = Wish::none;
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
    updater_.emplace(config, UpdaterSeams{*this, *this, control_, files_, clock_, *this});
  }
  Updater& updater() { return *updater_; }
  bool rebooting() const { return rebooting_; }
  void wish(Deployment::Wish wish) { wish_ = wish; }

  Result<std::unique_ptr<OpenBundle>> open(const std::string& source) override {
    return std::make_unique<MemoryBundle>(releases().at(source).bundle, releases().trust());
  }
  std::vector<std::string> groups() const override { return hardware_.layout.groups; }
  Result<std::map<std::string, SlotFacts>> facts(const std::string& group) override {
    Hardware::Group& found = hardware_.slots.at(group);
    if (group == hardware_.layout.recovery) return std::map<std::string, SlotFacts>{{"recovery", {"raw", found.rootfs.size_bytes()}}};
    return std::map<std::string, SlotFacts>{{"rootfs", {"raw", found.rootfs.size_bytes()}}, {"boot", {"raw", found.boot.size_bytes()}}};
  }
  Result<storage::Target> open(const std::string& group, const bundle::Image& image) override {
    return storage::device_target(std::make_unique<SlotDevice>(hardware_.slots.at(group).of(image.slot_class), fault_));
  }
  void decide(const update::State&) override {
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
  Hardware& hardware_;
  const std::string booted_;
  const Fault fault_;
  const std::function<void(const update::State&)> told_;
  FaultyControl control_;
  SimStateFiles files_;
  const Release& release_;
  FakeClock clock_;
  std::optional<Updater> updater_;
  Deployment::Wish wish_ = Deployment::Wish::none;
  bool deferred_ = false;
  bool rebooting_ = false;
};

}  // namespace aloft::agent::test
