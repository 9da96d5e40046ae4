// For tests: GRUB with the project's grub.cfg.
#pragma once

#include "boot/fake.hpp"
#include "boot/grub.hpp"
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

}  // namespace aloft::boot::test
