// Boot control for GRUB: two kinds of variables in its environment block, read by the grub.cfg of integration/bootloader/grub.
//   ORDER="B A"      slots in the order of trial
//   B_STATE=good     committed; a digit 1-9: on trial, so many tries left; 0: bad, or tries used up
// What GRUB does with them: docs/boot-control.md.
#pragma once

#include <string>
#include <vector>

#include "boot/boot_control.hpp"
#include "boot/env_block.hpp"
#include "boot/grub_env.hpp"

namespace aloft::boot {

inline constexpr unsigned kMaxTries = 9;

class GrubControl final : public BootControl {
 public:
  // slots: all names that grub.cfg knows. The block must outlive this.
  GrubControl(EnvBlock& block, std::vector<std::string> slots) : block_(&block), slots_(std::move(slots)) {}

  Result<BootState> read() override;
  Result<> arm(std::string_view slot, unsigned tries) override;
  Result<> commit(std::string_view slot) override;
  Result<> mark_bad(std::string_view slot) override;
  Result<> rebuild(std::string_view booted) override;

 private:
  struct Loaded {
    BootState state;
    GrubVariables foreign;
    std::string block;
  };
  Result<Loaded> load();
  Result<> store(const BootState& state, const Loaded& before);
  Result<> known(std::string_view slot) const;
  EnvBlock* block_;
  std::vector<std::string> slots_;
};

}  // namespace aloft::boot
