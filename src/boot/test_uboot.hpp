// For tests: U-Boot with a redundant environment and one of three boot scripts.
#pragma once

#include <algorithm>

#include "boot/test_loader.hpp"
#include "boot/uboot.hpp"
#include "boot/uboot_bootcount.hpp"

namespace aloft::boot::test {

inline constexpr std::size_t kTestUbootEnvBytes = 2048;

class TestUboot : public TestLoader {
 public:
  TestUboot(TestStorage& storage, std::vector<std::string> slots) : storage_(storage), slots_(std::move(slots)) {
    for (const char* copy : {"env1", "env2"}) {
      if (must(storage_.region(copy, kTestUbootEnvBytes)->read()) != std::string(kTestUbootEnvBytes, '\0')) return;
    }
    // Both copies, as a factory leaves them, with what else U-Boot keeps there.
    UbootEnvironment fresh = environment();
    (void)fresh.load();
    for (int copy = 0; copy < 2; ++copy) must(fresh.save({{"bootcmd", "run aloft"}, {"ethaddr", "02:00:00:00:00:01"}}));
  }
  void corrupt() override {
    for (const char* copy : {"env1", "env2"}) storage_.write_unflushed(copy, 512, std::string(512, '\xee'));
  }

 protected:
  UbootEnvironment environment() {
    std::vector<std::unique_ptr<Region>> copies;
    for (const char* copy : {"env1", "env2"}) copies.push_back(storage_.region(copy, kTestUbootEnvBytes));
    return {std::move(copies), kTestUbootEnvBytes};
  }
  std::unique_ptr<UbootEnvironment> owned_environment() { return std::make_unique<UbootEnvironment>(environment()); }
  // What U-Boot has of its variables; nothing but the built-in ones where both copies are lost.
  UbootVariables variables() { return environment().load().value_or(UbootVariables()); }
  // saveenv: the other copy, one serial number on; nothing is flushed.
  void saveenv(const UbootVariables& variables) {
    const auto copy_of = [&](const char* name) { return parse_uboot_env(must(storage_.region(name, kTestUbootEnvBytes)->read()), true); };
    const auto first = copy_of("env1");
    const auto second = copy_of("env2");
    bool second_is_newer = second.has_value();
    if (first && second) second_is_newer = static_cast<std::uint8_t>(second->flags - first->flags) == 1;
    const std::uint8_t flags = second_is_newer ? second->flags : first ? first->flags : 0;
    const UbootCopy copy{static_cast<std::uint8_t>(flags + 1), variables};
    storage_.write_unflushed(second_is_newer ? "env1" : "env2", 0, must(format_uboot_env(copy, true, kTestUbootEnvBytes)));
  }
  const std::vector<std::string>& slots() const { return slots_; }

 private:
  static void must(const Result<>& result) {
    if (!result) std::abort();
  }
  template <typename T>
  static T must(Result<T> result) {
    return test::must(std::move(result));
  }
  TestStorage& storage_;
  std::vector<std::string> slots_;
};

// BOOT_ORDER and BOOT_x_LEFT. The project's script counts trials, one of RAUC's kind every boot.
template <Counts counts>
class TestUbootOrder final : public TestUboot {
 public:
  using TestUboot::TestUboot;
  std::unique_ptr<BootControl> control() override {
    return std::make_unique<UbootOrderControl>(owned_environment(), "/dev/null", slots(), 3);
  }
  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override {
    for (int resets = 0; resets < 3; ++resets) {
      UbootVariables now = variables();
      if (now["BOOT_ORDER"].empty()) return loads(slots().front()) ? std::optional(slots().front()) : std::nullopt;
      if (const auto slot = walk(now, loads)) return slot;
      if (counts == Counts::trials) return std::nullopt;
      for (const std::string& slot : slots()) now["BOOT_" + slot + "_LEFT"] = "3";  // what RAUC's example does, and resets
      saveenv(now);
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> walk(UbootVariables& now, const std::function<bool(const std::string&)>& loads) {
    for (const std::string& slot : words(now["BOOT_ORDER"])) {
      std::string& left = now["BOOT_" + slot + "_LEFT"];
      const int tries = left.empty() ? 3 : std::stoi(left, nullptr, 16);
      if (tries <= 0) continue;
      if (counts == Counts::every_boot || now["aloft_trial"] == slot) {
        left = std::to_string(tries - 1);
        saveenv(now);
      }
      if (loads(slot)) return slot;
    }
    return std::nullopt;
  }
};

// bootcount, upgrade_available, and bootcmd and altbootcmd of integration/bootloader/uboot/bootcount.env; of the first two slots.
class TestUbootBootcount final : public TestUboot {
 public:
  TestUbootBootcount(TestStorage& storage, std::vector<std::string> slots) : TestUboot(storage, first_two(std::move(slots))) {}
  std::unique_ptr<BootControl> control() override {
    return std::make_unique<UbootBootcountControl>(owned_environment(), "/dev/null", slots(), "mender_boot_part",
                                                   std::map<std::string, unsigned>{{slots()[0], 2}, {slots()[1], 11}});
  }
  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override {
    for (int resets = 0; resets < 12; ++resets) {
      UbootVariables now = variables();
      if (now["mender_boot_part"].empty()) now["mender_boot_part"] = "2";
      if (now["upgrade_available"] == "1") {
        const int count = std::stoi("0" + now["bootcount"]) + 1;
        now["bootcount"] = std::to_string(count);
        saveenv(now);
        if (count > std::stoi("0" + now["bootlimit"])) {  // altbootcmd
          now["mender_boot_part"] = now["mender_boot_part"] == "2" ? "11" : "2";
          now["upgrade_available"] = "0";
          saveenv(now);
        }
      }
      const std::size_t first = now["mender_boot_part"] == "2" ? 0 : 1;
      if (loads(slots()[first])) return slots()[first];
      const std::string& other = slots()[1 - first];
      const auto good = words(now["aloft_good"]);
      if (now["upgrade_available"] != "1" && std::ranges::find(good, other) != good.end() && loads(other)) return other;
    }
    return std::nullopt;
  }

 private:
  static std::vector<std::string> first_two(std::vector<std::string> slots) {
    slots.resize(2);
    return slots;
  }
};

}  // namespace aloft::boot::test
