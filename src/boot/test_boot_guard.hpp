// For tests: EFI Boot Guard with its config partitions, as load_config() of efibootguard v0.13 (env/fatvars.c) chooses and counts.
#pragma once

#include "boot/boot_guard.hpp"
#include "boot/test_loader.hpp"

namespace aloft::boot::test {

class TestBootGuard final : public TestLoader {
 public:
  TestBootGuard(TestStorage& storage, std::vector<std::string> slots) : storage_(storage), slots_(std::move(slots)) {
    for (const std::string& slot : slots_) region(slot);
  }
  std::unique_ptr<BootControl> control() override {
    std::vector<GuardSlot> described;
    for (const std::string& slot : slots_) described.push_back({slot, region(slot), "\\aloft\\" + slot + ".efi", "aloft.slot=" + slot});
    return std::make_unique<BootGuardControl>(std::move(described), std::uint16_t{40});
  }

  // A kernel that does not load ends in a reset, by the watchdog at the latest.
  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override {
    for (int resets = 0; resets < 3; ++resets) {
      const auto slot = choose();
      if (slot && loads(*slot)) return slot;
    }
    return std::nullopt;
  }
  void corrupt() override {
    for (const std::string& slot : slots_) storage_.write_unflushed("env-" + slot, 0, std::string(kSectorBytes, '\1'));
  }

 private:
  static constexpr std::size_t kUserBytes = 1000;  // EFI Boot Guard can be built so; the tests of the format have the usual size

  std::unique_ptr<Region> region(const std::string& slot) { return storage_.region("env-" + slot, kGuardHeadBytes + kUserBytes + 4); }

  // The two highest revisions of what matches its checksum; where there is none the first partition, whatever is on it.
  std::optional<std::string> choose() {
    std::vector<std::optional<GuardEnv>> all;
    for (const std::string& slot : slots_) {
      auto env = parse_guard_env(must(region(slot)->read()));
      all.push_back(env ? std::optional(*std::move(env)) : std::nullopt);
    }
    std::size_t latest = 0;
    std::size_t before = 0;
    std::uint32_t latest_revision = 0;
    std::uint32_t before_revision = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i]) continue;
      if (all[i]->revision > latest_revision) {
        before_revision = std::exchange(latest_revision, all[i]->revision);
        before = std::exchange(latest, i);
      } else if (all[i]->revision > before_revision) {
        before_revision = all[i]->revision;
        before = i;
      }
    }
    std::size_t chosen = latest;
    if (all[latest] && all[latest]->in_progress) {
      chosen = before;
    } else if (all[latest] && all[latest]->state == GuardState::testing) {
      all[latest]->state = GuardState::failed;
      all[latest]->revision = 0;
      save(slots_[latest], *all[latest]);
      chosen = before;
    } else if (all[latest] && all[latest]->state == GuardState::installed) {
      all[latest]->state = GuardState::testing;
      save(slots_[latest], *all[latest]);
    }
    if (!all[chosen] || all[chosen]->kernel.empty()) return std::nullopt;
    return slots_[chosen];
  }
  void save(const std::string& slot, const GuardEnv& env) { storage_.write_unflushed("env-" + slot, 0, must(format_guard_env(env))); }

  TestStorage& storage_;
  std::vector<std::string> slots_;
};

}  // namespace aloft::boot::test
