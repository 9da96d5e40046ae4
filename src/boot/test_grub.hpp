// For tests: GRUB with the project's grub.cfg.
#pragma once

#include <set>

#include "boot/fake.hpp"
#include "boot/grub.hpp"
#include "boot/grub_rauc.hpp"
#include "boot/test_loader.hpp"

namespace aloft::boot::test {

class TestGrub final : public TestLoader {
 public:
  TestGrub(TestStorage& storage, std::vector<std::string> slots) : storage_(storage), slots_(std::move(slots)) {}
  std::unique_ptr<BootControl> control() override { return std::make_unique<GrubControl>(block(), slots_); }

  // GRUB writes the whole block in place.
  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override {
    auto state = control()->read();
    if (!state) return loads(slots_.front()) ? std::optional(slots_.front()) : std::nullopt;  // step 5 of the walk
    const BootState before = *state;
    const auto slot = walk(*state, loads);
    GrubVariables variables = must(parse_grub_env(must(block()->read())));
    for (auto& [name, value] : variables) {
      for (std::size_t i = 0; i < state->order.size(); ++i) {
        const SlotState& now = state->order[i];
        if (name == now.name + "_STATE" && now.tries_left != before.order[i].tries_left) value = std::to_string(now.tries_left);
      }
    }
    const std::string changed = must(format_grub_env(variables, variables.size()));
    if (changed != must(block()->read())) storage_.write_unflushed("grubenv", 0, changed);
    return slot;
  }
  void corrupt() override { storage_.write_unflushed("grubenv", 0, std::string(kGrubEnvBytes, '\0')); }

 private:
  std::unique_ptr<Region> block() { return storage_.region("grubenv", kGrubEnvBytes); }
  TestStorage& storage_;
  std::vector<std::string> slots_;
};

// GRUB with a grub.cfg of RAUC's kind: slots by ORDER; the first with OK=1 and TRY=0 is booted after TRY=1 was written; with none left all
// that are OK get their try back, and entry 0 (here: a restart) is booted. The project's one writes TRY=1 for the trial only.
template <Counts counts>
class TestGrubRauc final : public TestLoader {
 public:
  TestGrubRauc(TestStorage& storage, std::vector<std::string> slots) : storage_(storage), slots_(std::move(slots)) {}
  std::unique_ptr<BootControl> control() override { return std::make_unique<GrubRaucControl>(block(), slots_); }

  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override {
    std::set<std::string> dead;  // the project's grub.cfg goes on to the next at once
    for (int restarts = 0; restarts < 6; ++restarts) {
      const auto parsed = parse_grub_env(must(block()->read()));
      if (!parsed) return loads(slots_.front()) ? std::optional(slots_.front()) : std::nullopt;
      GrubVariables variables = *parsed;
      std::optional<std::string> chosen;
      for (const std::string& slot : words(value(variables, "ORDER"))) {
        const bool boots = value(variables, slot + "_OK") == "1" && value(variables, slot + "_TRY") == "0" && !dead.contains(slot);
        if (counts == Counts::every_boot || value(variables, "aloft_trial") == slot) set(variables, slot + "_TRY", "1");
        if (boots) {
          chosen = slot;
          break;
        }
      }
      for (const std::string& slot : slots_) {
        if (!chosen && counts == Counts::every_boot && value(variables, slot + "_OK") == "1") set(variables, slot + "_TRY", "0");
      }
      const std::string block_after = must(format_grub_env(variables, variables.size()));
      if (block_after != must(block()->read())) storage_.write_unflushed("grubenv", 0, block_after);
      if (chosen && loads(*chosen)) return chosen;
      if (chosen && counts == Counts::trials) dead.insert(*chosen);
    }
    return std::nullopt;
  }
  void corrupt() override { storage_.write_unflushed("grubenv", 0, std::string(kGrubEnvBytes, '\0')); }

 private:
  static std::string value(const GrubVariables& variables, const std::string& name) {
    for (const auto& [each, text] : variables) {
      if (each == name) return text;
    }
    return "";
  }
  static void set(GrubVariables& variables, const std::string& name, const std::string& text) {
    for (auto& variable : variables) {
      if (variable.first == name) variable.second = text;
    }
  }
  std::unique_ptr<Region> block() { return storage_.region("grubenv", kGrubEnvBytes); }
  TestStorage& storage_;
  std::vector<std::string> slots_;
};

}  // namespace aloft::boot::test
