// For tests: a whole device in memory, with disks, state partition, boot loader and mains that can be cut at any operation.
#pragma once

#include <map>
#include <random>
#include <set>

#include "agent/updater.hpp"
#include "boot/test_loaders.hpp"
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

// What boot loaders keep their state in, on disks that forget.
class SimBootStorage final : public boot::test::TestStorage {
 public:
  explicit SimBootStorage(storage::Power& power) : power_(power) {}
  std::unique_ptr<boot::Region> region(const std::string& name, std::size_t size_bytes) override {
    auto& disk = disks[name];
    if (!disk) disk = std::make_unique<SimDisk>(power_, size_bytes);
    return std::make_unique<Handle>(*disk);
  }
  void write_unflushed(const std::string& name, std::uint64_t offset, std::string_view bytes) override {
    if (!disks.at(name)->write(offset, as_bytes(bytes))) std::abort();
  }
  void may_lose_power() override {
    if (power_.goes_now()) go_dark();
  }
  void power_on(const Fate& fate, std::uint64_t& seed) {
    for (auto& [name, disk] : disks) disk->settle_after_cut(fate.unflushed, ++seed);
  }
  std::map<std::string, std::unique_ptr<SimDisk>> disks;

 private:
  [[noreturn]] static void go_dark() { throw PowerLost(); }
  class Handle final : public boot::Region {
   public:
    explicit Handle(SimDisk& disk) : disk_(disk) {}
    Result<std::string> read() override {
      std::string content(disk_.size_bytes(), '\0');
      TRY(disk_.read(0, std::as_writable_bytes(std::span(content))));
      return content;
    }
    Result<> write(std::uint64_t offset, std::string_view sectors) override {
      TRY(disk_.write(offset, as_bytes(sectors)));
      return disk_.flush();
    }
    Result<> create(std::string_view content) override { return write(0, content); }
    Result<> check_writable() override { return {}; }

   private:
    SimDisk& disk_;
  };
  storage::Power& power_;
};

// What outlives a power cut, and the boot loader.
struct Hardware {
  Hardware(const Releases& known, const boot::test::NamedLoader& boots) : releases(known), loader(boots.make(boot_storage, {"A", "B"})) {
    for (const char* group : {"A", "B"}) {
      slots[group].emplace("rootfs", std::make_unique<SimDisk>(power, kRootfsBytes + 4096));
      slots[group].emplace("boot", std::make_unique<SimDisk>(power, kBootBytes + 4096));
    }
    put("A", known.at("1"));
    put("B", known.at("0"));
    const auto control = loader->control();
    succeed(control->rebuild("A"));
    succeed(control->commit("B"));
    succeed(control->commit("A"));
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
    boot_storage.power_on(fate, fate.seed);
  }
  // The boot loader's walk. A half-written slot has a kernel that loads.
  std::optional<std::string> choose() {
    return loader->boot([this](const std::string& name) {
      const Release* release = held(name);
      return !release || release->character != Character::no_kernel;
    });
  }

  const Releases& releases;
  storage::Power power;
  Fate fate;
  std::map<std::string, std::map<std::string, std::unique_ptr<SimDisk>>> slots;
  SimStateFiles files{power, fate};
  SimBootStorage boot_storage{power};
  std::unique_ptr<boot::test::TestLoader> loader;
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
      : hardware_(hardware), control_(hardware.loader->control()), release_(*hardware.held(booted)) {
    UpdaterConfig config{.product = "lab-gateway", .hardware = "rev-a", .booted = booted, .boot_id = boot_id};
    config.tries = std::min(config.tries, control_->max_tries());
    config.workers = 1;
    config.settle_bytes = bundle::kMinFrameBytes;
    updater_.emplace(config, UpdaterSeams{*this, *this, *control_, hardware.files, clock_, *this});
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
  std::unique_ptr<boot::BootControl> control_;
  const Release& release_;
  FakeClock clock_;
  std::optional<Updater> updater_;
  std::vector<update::State> told_;
  bool rebooting_ = false;
};

}  // namespace aloft::agent::test
