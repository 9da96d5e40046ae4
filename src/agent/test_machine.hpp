// For tests: a whole device in memory, with disks, state partition, boot loader and mains that can be cut at any operation.
#pragma once

#include <map>
#include <random>
#include <set>

#include "agent/updater.hpp"
#include "boot/env_block.hpp"
#include "boot/fake.hpp"
#include "boot/grub.hpp"
#include "bundle/test_bundle.hpp"
#include "storage/sim_disk.hpp"
#include "update/floor.hpp"

namespace aloft::agent::test {

using crypto::test::must;
using storage::PowerLost;
using storage::SimDisk;
using storage::Unflushed;

inline constexpr std::size_t kRootfsBytes = 3 * bundle::kMinFrameBytes + 5000;
inline constexpr std::size_t kBootBytes = bundle::kMinFrameBytes + 512;

enum class Character : std::uint8_t { good, unhealthy, panics, no_kernel };

struct Release {
  std::string version;
  Character character = Character::good;
  Bytes rootfs;
  Bytes boot;
  Bytes bundle;
};

// Every release that was ever signed, by version; made once.
class Releases {
 public:
  Releases() {
    add("0", Character::good);
    add("1", Character::good);
    add("2", Character::good);
    add("3-unhealthy", Character::unhealthy);
    add("3-panics", Character::panics);
    add("3-no-kernel", Character::no_kernel);
  }
  const Release& at(const std::string& version) const { return all_.at(version); }
  const crypto::TrustStore& trust() const { return trust_; }
  // The one that fills both slots to the byte, or nothing.
  const Release* held(ByteView rootfs, ByteView boot) const {
    for (const auto& [version, release] : all_) {
      if (std::ranges::equal(rootfs.first(kRootfsBytes), release.rootfs) && std::ranges::equal(boot.first(kBootBytes), release.boot)) {
        return &release;
      }
    }
    return nullptr;
  }

 private:
  // Releases have a frame of zeros in common, and their last frame; the rest differs.
  void add(const std::string& version, Character character) {
    const auto seed = static_cast<std::uint32_t>(all_.size());
    Release release{.version = version, .character = character};
    release.rootfs = bundle::test::test_content(kRootfsBytes, 7);
    std::ranges::copy(bundle::test::test_content(bundle::kMinFrameBytes, 100 + seed), release.rootfs.begin());
    std::fill_n(release.rootfs.begin() + bundle::kMinFrameBytes, bundle::kMinFrameBytes, std::byte{0});
    release.rootfs[2 * bundle::kMinFrameBytes + 9000] = static_cast<std::byte>(seed);
    release.boot = bundle::test::test_content(kBootBytes, 200 + seed);
    bundle::test::Built built = bundle::test::build({{"rootfs", release.rootfs}, {"boot", release.boot}}, version);
    built.manifest.security_version = 10 + static_cast<std::uint64_t>(version[0] - '0');
    release.bundle = bundle::test::sealed(built, {signer_});
    all_.emplace(version, std::move(release));
  }
  crypto::test::Authority authority_;
  crypto::SigningIdentity signer_ = authority_.issue(crypto::KeyType::p256);
  crypto::TrustStore trust_ = authority_.trust();
  std::map<std::string, Release> all_;
};

struct Fate {
  Unflushed unflushed = Unflushed::lost;
  std::uint64_t seed = 0;
};

// The state partition: what StateFiles promises, and no more.
class SimStateFiles final : public update::StateFiles {
 public:
  SimStateFiles(storage::Power& power, const Fate& fate) : power_(power), fate_(fate) {}
  Result<std::optional<std::string>> read(std::string_view name) override {
    const auto found = files.find(std::string(name));
    if (found == files.end()) return std::optional<std::string>();
    return std::optional(found->second);
  }
  Result<> replace(std::string_view name, std::string_view content) override {
    if (power_.goes_now()) go_dark();
    files[std::string(name)] = content;
    if (power_.goes_now()) go_dark();
    return {};
  }
  Result<> append(std::string_view name, std::string_view content) override {
    std::string& file = files[std::string(name)];
    if (power_.goes_now()) {
      file += torn(content);
      go_dark();
    }
    file += content;
    return {};
  }
  std::map<std::string, std::string> files;

 private:
  [[noreturn]] static void go_dark() { throw PowerLost(); }
  // A part of it, and perhaps zeros where the rest would have been.
  std::string torn(std::string_view content) const {
    if (fate_.unflushed == Unflushed::lost) return "";
    if (fate_.unflushed == Unflushed::kept) return std::string(content);
    std::mt19937_64 random(fate_.seed);
    std::string part(content.substr(0, random() % content.size()));
    if (random() % 2 == 0) part.resize(content.size(), '\0');
    return part;
  }
  storage::Power& power_;
  const Fate& fate_;
};

// grubenv on a disk that forgets.
class SimEnv final : public boot::EnvBlock {
 public:
  explicit SimEnv(SimDisk& disk) : disk_(disk) {}
  Result<std::string> read() override {
    std::string block(boot::kGrubEnvBytes, '\0');
    TRY(disk_.read(0, std::as_writable_bytes(std::span(block))));
    return block;
  }
  Result<> write_sector(std::size_t index, std::string_view sector) override {
    TRY(disk_.write(index * boot::kSectorBytes, as_bytes(sector)));
    return disk_.flush();
  }
  Result<> create(std::string_view block) override {
    TRY(disk_.write(0, as_bytes(block)));
    return disk_.flush();
  }

 private:
  SimDisk& disk_;
};

// What outlives a power cut, and the boot loader.
struct Hardware {
  explicit Hardware(const Releases& known) : releases(known) {
    for (const char* group : {"A", "B"}) {
      slots[group].emplace("rootfs", std::make_unique<SimDisk>(power, kRootfsBytes + 4096));
      slots[group].emplace("boot", std::make_unique<SimDisk>(power, kBootBytes + 4096));
    }
    put("A", known.at("1"));
    put("B", known.at("0"));
    const std::string block = must(boot::format_grub_env({{"ORDER", "A B"}, {"A_STATE", "good"}, {"B_STATE", "good"}}, 3));
    esp.fill(0, as_bytes(block));
    succeed(update::raise_floor(files, 11));
  }
  static void succeed(const Result<>& result) {
    if (!result) std::abort();
  }
  void put(const std::string& group, const Release& release) {
    slots[group].at("rootfs")->fill(0, release.rootfs);
    slots[group].at("boot")->fill(0, release.boot);
  }
  const Release* held(const std::string& group) {
    return releases.held(slots[group].at("rootfs")->durable(), slots[group].at("boot")->durable());
  }
  void power_on() {
    for (auto& [group, classes] : slots) {
      for (auto& [name, disk] : classes) disk->settle_after_cut(fate.unflushed, ++fate.seed);
    }
    esp.settle_after_cut(fate.unflushed, ++fate.seed);
  }
  // GRUB's walk. It writes the whole block in place and flushes nothing. A half-written slot has a kernel that loads.
  std::optional<std::string> choose() {
    SimEnv env(esp);
    boot::GrubControl control(env, {"A", "B"});
    boot::BootState state = must(control.read());
    const boot::BootState before = state;
    const auto slot = boot::walk(state, [this](const std::string& name) {
      const Release* release = held(name);
      return !release || release->character != Character::no_kernel;
    });
    boot::GrubVariables variables = must(boot::parse_grub_env(must(env.read())));
    for (auto& [name, value] : variables) {
      for (std::size_t i = 0; i < state.order.size(); ++i) {
        if (name == state.order[i].name + "_STATE" && state.order[i].tries_left != before.order[i].tries_left) {
          value = std::to_string(state.order[i].tries_left);
        }
      }
    }
    const std::string block = must(boot::format_grub_env(variables, variables.size()));
    if (block != must(env.read())) succeed(esp.write(0, as_bytes(block)));
    return slot;
  }

  const Releases& releases;
  storage::Power power;
  Fate fate;
  std::map<std::string, std::map<std::string, std::unique_ptr<SimDisk>>> slots;
  SimDisk esp{power, boot::kGrubEnvBytes};
  SimStateFiles files{power, fate};
};

class MemoryBundle final : public OpenBundle {
 public:
  MemoryBundle(const Bytes& bytes, const crypto::TrustStore& trust)
      : source_(bytes), reader_(must(bundle::Reader::open(source_, trust, crypto::test::kNow))) {}
  bundle::Reader& reader() override { return reader_; }
  bool is_remote() const override { return false; }

 private:
  bundle::test::MemorySource source_;
  bundle::Reader reader_;
};

// The software of one boot: gone with the power.
class Session final : public BundleOpener, public Slots, public Surroundings {
 public:
  Session(Hardware& hardware, const std::string& booted, const std::string& boot_id)
      : hardware_(hardware), env_(hardware.esp), control_(env_, {"A", "B"}), release_(*hardware.held(booted)) {
    UpdaterConfig config{.product = "lab-gateway", .hardware = "rev-a", .booted = booted, .boot_id = boot_id};
    config.workers = 1;
    config.settle_bytes = bundle::kMinFrameBytes;
    updater_.emplace(config, UpdaterSeams{*this, *this, control_, hardware.files, clock_, *this});
  }
  Updater& updater() { return *updater_; }
  bool rebooting() const { return rebooting_; }
  const std::vector<update::State>& told() const { return told_; }

  Result<std::unique_ptr<OpenBundle>> open(const std::string& source) override {
    return std::make_unique<MemoryBundle>(hardware_.releases.at(source).bundle, hardware_.releases.trust());
  }
  std::vector<std::string> groups() const override { return {"A", "B"}; }
  Result<std::map<std::string, SlotFacts>> facts(const std::string& group) override {
    std::map<std::string, SlotFacts> facts;
    for (const auto& [name, disk] : hardware_.slots.at(group)) facts[name] = {"raw", disk->size_bytes()};
    return facts;
  }
  Result<std::unique_ptr<storage::BlockDevice>> open(const std::string& group, const std::string& slot_class) override {
    return std::make_unique<Handle>(*hardware_.slots.at(group).at(slot_class));
  }
  void decide(const update::State&) override { updater_->accept(); }
  void transition(const update::State& state) override { told_.push_back(state); }
  void progress(std::uint64_t) override {}
  void begin_trial(const update::State&) override {
    updater_->health_result({release_.character == Character::good, "the release is unhealthy by nature"});
  }
  Result<> reboot() override {
    rebooting_ = true;
    return {};
  }
  bool pause_before_retry(unsigned attempt) override { return attempt < 3; }

 private:
  class Handle final : public storage::BlockDevice {
   public:
    explicit Handle(SimDisk& disk) : disk_(disk) {}
    std::uint64_t size_bytes() const override { return disk_.size_bytes(); }
    Result<> read(std::uint64_t offset, MutableByteView buffer) override { return disk_.read(offset, buffer); }
    Result<> write(std::uint64_t offset, ByteView bytes) override { return disk_.write(offset, bytes); }
    Result<> flush() override { return disk_.flush(); }

   private:
    SimDisk& disk_;
  };
  Hardware& hardware_;
  SimEnv env_;
  boot::GrubControl control_;
  const Release& release_;
  FakeClock clock_;
  std::optional<Updater> updater_;
  std::vector<update::State> told_;
  bool rebooting_ = false;
};

}  // namespace aloft::agent::test
